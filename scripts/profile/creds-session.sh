# shellcheck shell=sh
# The login hook of creds-session. Login shells read it from /etc/profile.d (sh, dash, bash, ksh,
# busybox ash; zsh with `emulate sh -c`). It connects the shell to the session bus, and asks once for
# the password of a keyring that the login left locked. It must never make a login fail. It must not
# print or ask anything if nobody is at a terminal (scp, sftp, rsync, ssh host command), and it must
# not leave a variable or a function of its own behind.
#
# It starts no process if `creds unlock` has found this daemon's keyring unlocked before, or if there
# is neither a login keyring nor a daemon that may be about to create one.
#
# Programs such as TRAMP and expect log in without TERM, or with TERM=dumb or another name that is not
# a terminal. They are not asked, and no process is started for them. `creds` also asks nothing if
# input is waiting already.
#
# Off for one person: mkdir -p ~/.config/creds-session && touch ~/.config/creds-session/no-hook
# Off once: CREDS_SESSION_HOOK=off
# On even with TERM=dumb: CREDS_SESSION_HOOK=always

# An address may hold these bytes of a path unchanged; every other byte must be escaped (D-Bus
# Specification, "Server Addresses"). `creds env` escapes them, because a wrong address is worse than
# no address. The letters are written out, because ranges depend on the locale.
if [ -z "${DBUS_SESSION_BUS_ADDRESS:-}" ] && [ -S "${XDG_RUNTIME_DIR:-/nonexistent}/bus" ]; then
    case $XDG_RUNTIME_DIR in
    *[!abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_/.-]*)
        _creds_session_said=$(creds env </dev/null 2>/dev/null) || _creds_session_said=
        eval "${_creds_session_said:-:}"
        ;;
    *)
        DBUS_SESSION_BUS_ADDRESS="unix:path=$XDG_RUNTIME_DIR/bus"
        export DBUS_SESSION_BUS_ADDRESS
        ;;
    esac
fi

# Return whether `creds unlock` found the keyring of this daemon unlocked. Its note holds the pid and
# the start time (proc_pid_stat(5)) of the daemon, and the address of the bus. A note does not count if
# its daemon has exited or if it is about another bus.
_creds_session_seen() {
    _creds_session_note="${XDG_RUNTIME_DIR:-/nonexistent}/creds-session/unlocked"
    [ -r "$_creds_session_note" ] || return 1
    IFS=' ' read -r _creds_session_pid _creds_session_start _creds_session_bus \
        <"$_creds_session_note" || return 1
    [ "$_creds_session_bus" = "${DBUS_SESSION_BUS_ADDRESS:-}" ] || return 1
    [ -r "/proc/$_creds_session_pid/stat" ] || return 1
    read -r _creds_session_stat <"/proc/$_creds_session_pid/stat" || return 1
    case $_creds_session_stat in
    "$_creds_session_pid (gnome-keyring-d) "*) ;;
    *) return 1 ;;
    esac
    # shellcheck disable=SC2086 # it is split at the blanks; after the name there are only numbers
    set -- ${_creds_session_stat##*") "}
    [ "${20:-}" = "$_creds_session_start" ]
}

# Return whether this is a login shell. Red Hat's /etc/bashrc, /etc/zshrc and /etc/kshrc read
# /etc/profile.d in other shells too. `su USER` without a dash starts such a shell, with the
# environment of another user, so nobody is asked there. A person who reads this file with their own
# command (-c, or at zsh's prompt) wants to be asked.
_creds_session_login() {
    # shellcheck disable=SC3044 # only bash runs this command, and bash has it
    case ${BASH_VERSION:+bash}${ZSH_VERSION:+zsh}${KSH_VERSION:-}:$- in
    bash*:*c* | zsh*:*l* | Version*:*[cl]*) ;;
    bash*) shopt -q login_shell ;;
    zsh*) case ${ZSH_EVAL_CONTEXT:-} in cmdarg* | toplevel*) ;; *) return 1 ;; esac ;;
    Version*) return 1 ;;
    esac
}

# Return whether a person is at the terminal, as TERM says; with "always" TERM does not matter.
_creds_session_has_person() {
    case ${CREDS_SESSION_HOOK:-on}:${TERM:-dumb} in
    on:dumb | on:dumb-* | on:unknown | on:network | on:dialup | on:emacs*) return 1 ;;
    esac
}

# Return whether to ask for the password. Root has no keyring, and -O tests whether the effective user
# owns the file.
_creds_session_wanted() {
    [ -t 0 ] && [ -t 2 ] && ! [ -O / ] && _creds_session_login && _creds_session_has_person ||
        return 1
    [ -e "${XDG_DATA_HOME:-${HOME:-/nonexistent}/.local/share}/keyrings/login.keyring" ] ||
        [ -S "${XDG_RUNTIME_DIR:-/nonexistent}/keyring/control" ] ||
        [ -S "${GNOME_KEYRING_CONTROL:-/nonexistent}/control" ] || return 1
    ! [ -e "${XDG_CONFIG_HOME:-${HOME:-/nonexistent}/.config}/creds-session/no-hook" ] &&
        ! _creds_session_seen && command -v creds >/dev/null 2>&1
}

case $-:${CREDS_SESSION_HOOK:-on} in
*i*:on | *i*:always)
    # With X forwarding, a program that D-Bus starts can show a prompt if it knows the display.
    if [ -n "${DISPLAY:-}" ] && _creds_session_login && [ -n "${SSH_CONNECTION:-}" ] && ! [ -O / ]; then
        dbus-update-activation-environment DISPLAY XAUTHORITY >/dev/null 2>&1 || :
    fi
    if _creds_session_wanted; then
        if [ -z "${DBUS_SESSION_BUS_ADDRESS:-}" ]; then
            _creds_session_said=$(creds env --start </dev/null 2>/dev/null) || _creds_session_said=
            eval "${_creds_session_said:-:}"
        fi
        # `creds` asks for the password at the terminal itself. Output that does not begin with
        # "creds:" comes from a missing or broken Python, and nobody can repair that during a login.
        # A person who did not unlock the keyring is not asked again in the shells of this session.
        _creds_session_said=$(CREDS_SESSION_HOOK=asks creds unlock --quiet --patience 60 2>&1) ||
            export CREDS_SESSION_HOOK=asked
        case $_creds_session_said in
        creds:*) printf '%s\n' "$_creds_session_said" >&2 ;;
        esac
    fi
    ;;
esac
unset -f _creds_session_login _creds_session_seen _creds_session_wanted _creds_session_has_person
unset -v _creds_session_note _creds_session_pid _creds_session_start _creds_session_bus \
    _creds_session_stat _creds_session_said
