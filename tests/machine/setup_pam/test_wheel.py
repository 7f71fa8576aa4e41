"""The wheel: installed by pip, pipx and uv without a network, and its commands run."""

from __future__ import annotations

import shutil

import pytest

from creds_session.version import __version__
from tests.machine.support import rootfs, scratch_root
from tests.machine.support.capability import why_no_machine

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(1800)]
SCRIPT = """
export PIP_NO_INDEX=1 PIP_FIND_LINKS="/mnt/made/wheels /mnt/made/installers"
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
python3 -m venv /opt/tools
/opt/tools/bin/pip install --quiet setuptools wheel
/opt/tools/bin/pip install --quiet pipx uv
cd /mnt/made/source
/opt/tools/bin/pip wheel --quiet --no-deps --no-build-isolation --wheel-dir /opt .
wheel=$(echo /opt/creds_session-*.whl)

python3 -m venv /opt/pip
/opt/pip/bin/pip install --quiet "$wheel"
PIPX_HOME=/opt/pipx PIPX_BIN_DIR=/opt/pipx/bin /opt/tools/bin/pipx install --quiet \\
    --backend pip "$wheel"
UV_TOOL_DIR=/opt/uv UV_TOOL_BIN_DIR=/opt/uv/bin /opt/tools/bin/uv tool install --quiet --offline \\
    --no-index --find-links /mnt/made/wheels --python /usr/bin/python3 "$wheel"

cd /
for tool in pip pipx uv; do
    bin=/opt/$tool/bin
    for command in creds creds-doctor creds-setup-pam; do
        echo "$tool: $($bin/$command --version)"
    done
    [ -x $bin/creds-askpass ] && echo "$tool: creds-askpass"
    $bin/creds hook print --shell bash >/opt/hook
    cmp /opt/hook /mnt/made/source/scripts/profile/creds-session.sh && echo "$tool: hook"
    find /opt/$tool -path '*.dist-info/sboms/creds-session.cdx.json' -printf "$tool: %f\\\\n"
done
"""


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def lines(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What the commands printed, a line each, after the name of what installed them."""
    reason = why_no_machine()
    if reason:
        pytest.fail(f"no root file system can be made: {reason}")
    place = tmp_path_factory.mktemp("wheel")
    shutil.copytree(rootfs.wheels(request.param), place / "made" / "wheels")
    shutil.copytree(rootfs.installer_wheels(), place / "made" / "installers")
    rootfs.copy_checkout(place / "made" / "source")
    done = scratch_root.run([rootfs.root_file_system(request.param)], place, SCRIPT)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr[-4000:]}"
    return done.stdout.splitlines()


@pytest.mark.parametrize("tool", ["pip", "pipx", "uv"])
def test_the_wheel_gives_working_commands_and_the_hook(lines: list[str], tool: str) -> None:
    printed = [line.partition(": ")[2] for line in lines if line.startswith(f"{tool}: ")]
    commands = [f"{name} {__version__}" for name in ("creds", "creds-doctor", "creds-setup-pam")]
    assert printed == [*commands, "creds-askpass", "hook", "creds-session.cdx.json"]
