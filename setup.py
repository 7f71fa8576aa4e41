"""The metadata is in setup.cfg; the login hooks and units of scripts/profile go along as data."""

from setuptools import find_packages, setup

PROFILE = "creds_session.profile"

setup(
    packages=[*find_packages(include=["creds_session", "creds_session.*"]), PROFILE],
    package_dir={PROFILE: "scripts/profile"},
    package_data={
        "creds_session": ["py.typed"],
        PROFILE: ["*.sh", "*.fish", "*.path", "*.service"],
    },
)
