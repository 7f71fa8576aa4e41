# shellcheck shell=sh disable=SC2154 # scripts/install assigns the variables
# Sourced by scripts/install: choose a Python, make the virtual environment, and run pip in it.

# $python is the interpreter. The one of the system is used, whatever comes first in PATH, because a
# timer of root's and every user run it.
system_python=/usr/bin/python3

python_version() {
    "$1" -I -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null || echo broken
}

is_python() {
    [ -x "$1" ] || return 1
    case $(python_version "$1") in
    3.9 | 3.[1-9][0-9]) ;;
    *) return 1 ;;
    esac
}

# Whether root alone can change $1, and each directory on the way to it, links followed.
is_roots_alone() {
    for path in "$1" "$(readlink -f "$1")"; do
        while :; do
            [ -n "$(find -L "$path" -maxdepth 0 -user 0 ! -perm /022 2>/dev/null)" ] || return 1
            [ "$path" != / ] || break
            path=$(dirname "$path")
        done
    done
}

# $1 is the interpreter that was asked for, or nothing.
choose_python() {
    if [ -n "$1" ]; then
        require_named_python "$1"
        python=$1
        return 0
    fi
    python=$system_python
    ! is_python "$python" || return 0
    # Enterprise Linux 8 and SUSE 15 have 3.6 there, and newer ones beside it.
    for minor in 14 13 12 11 10 9; do
        candidate=/usr/bin/python3.$minor
        if is_python "$candidate"; then
            python=$candidate
            say "using $python"
            return 0
        fi
    done
}

require_named_python() {
    case $1 in
    /*) ;;
    *) fail 64 "--python: $1 is not an absolute path; nothing was changed" ;;
    esac
    [ -x "$1" ] || fail 66 "--python: $1 does not exist or is not executable; nothing was changed"
    is_roots_alone "$1" || fail 77 \
        "--python: somebody other than root can change $1 or a directory on the way to it" \
        "root's commands would run it, so it is not used; nothing was changed"
}

# Raises an error unless $python is recent enough.
require_python() {
    ! is_python "$python" || return 0
    version=$([ -x "$python" ] && python_version "$python" || echo "not installed")
    fail 69 "Python 3.9 or later is needed, and $python is $version; nothing was changed" \
        "$(newer_python "$(package_manager || :)"), then run scripts/install again;" \
        "or name another interpreter: scripts/install --python PATH"
}

newer_python() {
    case $1 in
    dnf | microdnf | tdnf) echo "run: $1 install python3.12" ;;
    zypper) echo "run: zypper install python311" ;;
    apt-get) echo "if this release has it, run: apt-get install python3.9 python3.9-venv" ;;
    *) echo "install a newer Python" ;;
    esac
}

# Nothing of the caller decides what root's Python and pip load: not the caller's settings of pip and
# Python, nor configuration in the caller's home. pip reads /etc/pip.conf, which is root's, and the
# variables that name a proxy.
isolate() {
    for name in $(env | sed -n 's/^\(PIP_[A-Za-z0-9_]*\)=.*/\1/p; s/^\(PYTHON[A-Za-z0-9_]*\)=.*/\1/p'); do
        unset "$name"
    done
    unset XDG_CONFIG_HOME XDG_CONFIG_DIRS XDG_CACHE_HOME XDG_DATA_HOME NETRC VIRTUAL_ENV TMP TEMP
    # What is built there becomes root's program.
    if [ -z "${TMPDIR:-}" ] || ! is_roots_temporary "$TMPDIR"; then unset TMPDIR; fi
}

# Whether nobody but root can rename what root makes in directory $1, nor a directory on the way.
is_roots_temporary() {
    case $1 in
    /*) ;;
    *) return 1 ;;
    esac
    for path in "$1" "$(readlink -f "$1")"; do
        while :; do
            [ -n "$(find -L "$path" -maxdepth 0 -type d -user 0 \( ! -perm /022 -o -perm -1000 \) 2>/dev/null)" ] ||
                return 1
            [ "$path" != / ] || break
            path=$(dirname "$path")
        done
    done
}

# Makes the virtual environment $1 and installs the source $2 into it. $wheels, $index and
# $system_packages say where the packages that it needs come from.
make_environment() {
    set -- "$1" "$2" --isolated --no-input --disable-pip-version-check --quiet --retries 2
    if [ -n "$wheels" ]; then
        set -- "$@" --no-index --find-links "$wheels"
    elif [ -n "$index" ]; then
        set -- "$@" --index-url "$index"
    elif [ -n "$system_packages" ]; then
        set -- "$@" --no-index --no-build-isolation
    fi
    say "installing the Python packages; this can take a minute"
    "$python" -I -m venv ${system_packages:+--system-site-packages} "$1" ||
        fail 69 "$python -m venv failed; nothing was changed but packages"
    pip=$1/bin/python
    source=$2
    shift 2
    mkdir "$source.home"
    HOME=$source.home "$pip" -I -m pip install "$@" "$source" 2>"$source.errors" ||
        explain_pip "$(sed -n 's/.*\(ERROR: \)/\1/p' "$source.errors" | tail -n 1)"
    rm -rf "$source.home" "$source.errors"
}

# $1 is the last error that pip printed.
explain_pip() {
    unreached=$(sed -n "s/.*connection broken by '\(.*\)': .*/\1/
        s/.*object at 0x[0-9a-f]*>: //
        t end
        d
        :end
        s/[')]*$//p" "$source.errors" | tail -n 1)
    [ -n "$unreached" ] || sed 's/^/install: pip: /' "$source.errors" >&2
    rm -rf "$source.home" "$source.errors"
    if [ -n "$wheels" ]; then
        set -- "pip could not install from $wheels: ${1:-it failed}" \
            "on a machine with a network and Python $(python_version "$python"), in this checkout, run:" \
            "    python3 -m pip wheel --wheel-dir wheels . 'setuptools>=64' wheel" \
            "copy the directory wheels, and run: scripts/install --wheels DIRECTORY"
    elif [ -n "$system_packages" ] && [ -z "$index" ]; then
        set -- "pip could not install with the distribution's Python packages alone: ${1:-it failed}" \
            "docs/how-to/install-offline.md names them; --wheels DIRECTORY adds what is missing"
    else
        set -- "pip could not install from ${index:-the Python package index}: ${unreached:-${1:-it failed}}" \
            "behind a proxy: https_proxy=URL scripts/install (sudo drops that variable: sudo https_proxy=URL ...)" \
            "with an index of your own: scripts/install --index-url URL, or index-url in /etc/pip.conf" \
            "without a network: scripts/install --wheels DIRECTORY or --system-site-packages" \
            "(docs/how-to/install-offline.md)"
    fi
    fail 69 "$@" "nothing was changed but packages"
}

# Replaces pip's own programs in the virtual environment $1.
write_programs() {
    rm -f "$1"/lib/python3*/site-packages/distutils-precedence.pth # only setup.py needs it
    site=$("$1/bin/python" -I -c 'import sys; print(*[p for p in sys.path if "-packages" in p])')
    # shellcheck disable=SC2086 # a list of directories of the distribution's and of ours
    "$here/scripts/lib/write-starter" "$1/bin" "$1/bin/python" $site
}
