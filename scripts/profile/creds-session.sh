# shellcheck shell=sh
# Sourced by login shells from /etc/profile.d (sh, dash, bash, ksh, busybox ash).
# It finds or keeps the session bus, and asks once for the password of a keyring that PAM left
# locked. It must never fail a login, nor print or ask where nobody is at a terminal (scp, sftp,
# rsync, ssh host command), nor leave a name of its own behind.
#
# Off for one person: touch ~/.config/creds-session/no-hook    Off once: CREDS_SESSION_HOOK=off

if [ -z "${DBUS_SESSION_BUS_ADDRESS:-}" ] && [ -S "${XDG_RUNTIME_DIR:-/nonexistent}/bus" ]; then
    DBUS_SESSION_BUS_ADDRESS="unix:path=$XDG_RUNTIME_DIR/bus"
    export DBUS_SESSION_BUS_ADDRESS
fi

case $-:${CREDS_SESSION_HOOK:-on}:${DBUS_SESSION_BUS_ADDRESS:+bus} in
*i*:on:bus)
    if [ -t 0 ] && [ -t 2 ] && [ "$(id -u)" != 0 ] &&
        ! [ -e "${XDG_CONFIG_HOME:-${HOME:-/nonexistent}/.config}/creds-session/no-hook" ] &&
        command -v creds >/dev/null 2>&1 &&
        creds --version </dev/null >/dev/null 2>&1; then # not after a release upgrade broke it
        creds unlock --quiet || :
    fi
    ;;
esac
