# shellcheck shell=sh
# Sourced by login shells from /etc/profile.d (sh, dash, bash, ksh, busybox ash; zsh by
# `emulate sh -c`). It finds or keeps the session bus, and asks once for the password of a keyring
# that PAM left locked. It must never fail a login, nor print or ask where nobody is at a terminal
# (scp, sftp, rsync, ssh host command), nor leave a name of its own behind.
#
# It starts no process where `creds unlock` has seen this daemon's keyring open before, nor where
# there is neither a login keyring nor a daemon that may be about to make one.
#
# Programs log in with TERM=dumb or another name of no terminal, or without TERM (TRAMP, expect): they
# are asked nothing, and no process is started. Nobody is asked either if input is waiting already: `creds` looks for that.
#
# Off for one person: touch ~/.config/creds-session/no-hook    Off once: CREDS_SESSION_HOOK=off
# On with TERM=dumb, too: CREDS_SESSION_HOOK=always

# In an address every other byte of a path is an escape (D-Bus Specification, "Server Addresses"), and
# a wrong address is worse than none; `creds env` makes the right one. Ranges depend on the locale.
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

# The note of `creds unlock`: pid and start time (proc_pid_stat(5)) of the daemon whose keyring it
# saw open, and the bus. A note of a daemon that is gone, or of another bus, is none.
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
    # shellcheck disable=SC2086 # split at the blanks; behind the name there are numbers alone
    set -- ${_creds_session_stat##*") "}
    [ "${20:-}" = "$_creds_session_start" ]
}

# Red Hat's /etc/bashrc, /etc/zshrc and /etc/kshrc read /etc/profile.d in other shells than login shells
# too. `su USER` without a dash starts such a shell, and its environment is another user's. Nobody is
# asked there. Whoever reads this file by a command of their own (-c, or at zsh's prompt) wants it.
_creds_session_login() {
    # shellcheck disable=SC3044 # bash has it
    case ${BASH_VERSION:+bash}${ZSH_VERSION:+zsh}${KSH_VERSION:-}:$- in
    bash*:*c* | zsh*:*l* | Version*:*[cl]*) ;;
    bash*) shopt -q login_shell ;;
    zsh*) case ${ZSH_EVAL_CONTEXT:-} in cmdarg* | toplevel*) ;; *) return 1 ;; esac ;;
    Version*) return 1 ;;
    esac
}

# TERM says whether a person is at the terminal; "always" says that one is, whatever TERM is.
_creds_session_has_person() {
    case ${CREDS_SESSION_HOOK:-on}:${TERM:-dumb} in
    on:dumb | on:dumb-* | on:unknown | on:network | on:dialup | on:emacs*) return 1 ;;
    esac
}

# Root's login has no keyring to ask for: -O is whether the effective user owns the file.
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
    # With X forwarding a prompt can be shown, if what D-Bus starts knows the display.
    if [ -n "${DISPLAY:-}" ] && _creds_session_login && [ -n "${SSH_CONNECTION:-}" ] && ! [ -O / ]; then
        dbus-update-activation-environment DISPLAY XAUTHORITY >/dev/null 2>&1 || :
    fi
    if _creds_session_wanted; then
        if [ -z "${DBUS_SESSION_BUS_ADDRESS:-}" ]; then
            _creds_session_said=$(creds env --start </dev/null 2>/dev/null) || _creds_session_said=
            eval "${_creds_session_said:-:}"
        fi
        # The password is asked for at the terminal itself. What is no message of ours is that of
        # a Python that is gone or broken, about which nobody can do anything at a login.
        # Who did not unlock it is not asked again in the shells of this session.
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
