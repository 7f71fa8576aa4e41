# The login hook of creds-session for fish, which reads it from conf.d. It does what creds-session.sh
# does for POSIX shells; the reasons are written there.
# Off for one person: mkdir -p ~/.config/creds-session && touch ~/.config/creds-session/no-hook
# Off once: CREDS_SESSION_HOOK=off
# On even with TERM=dumb: CREDS_SESSION_HOOK=always

function _creds_session_seen
    set -l note "$XDG_RUNTIME_DIR/creds-session/unlocked"
    test -r "$note"; or return 1
    read -l pid start bus <"$note"; or return 1
    test "$bus" = "$DBUS_SESSION_BUS_ADDRESS"; or return 1
    string match -qr '^[0-9]+$' -- "$pid"; and test -r /proc/$pid/stat; or return 1
    read -l line </proc/$pid/stat; or return 1
    string match -q "$pid (gnome-keyring-d) *" -- "$line"; or return 1
    # After the name there are only numbers; the 22nd field of all is the start time.
    set -l fields (string split ' ' -- (string replace -r '.*\) ' '' -- "$line"))
    test "$fields[20]" = "$start"
end

function _creds_session_wanted
    isatty stdin; and isatty stderr; and not test -O /; or return 1
    # Programs log in with TERM=dumb or without TERM, and nobody is there to be asked.
    if test "$CREDS_SESSION_HOOK" != always
        test -n "$TERM"; or return 1
        string match -qr '^(dumb(-.*)?|unknown|network|dialup|emacs.*)$' -- "$TERM"; and return 1
    end
    set -l data $XDG_DATA_HOME
    test -n "$data"; or set data "$HOME/.local/share"
    set -l config $XDG_CONFIG_HOME
    test -n "$config"; or set config "$HOME/.config"
    test -e "$data/keyrings/login.keyring" -o -S "$XDG_RUNTIME_DIR/keyring/control" \
        -o -S "$GNOME_KEYRING_CONTROL/control"; or return 1
    not test -e "$config/creds-session/no-hook"
    and not _creds_session_seen
    and command -q creds
end

if status is-login; and status is-interactive
    if test -z "$DBUS_SESSION_BUS_ADDRESS" -a -S "$XDG_RUNTIME_DIR/bus"
        # Every other byte of a path must be escaped in an address, and `creds env` does that.
        if string match -qr '^[a-zA-Z0-9_/.-]*$' -- "$XDG_RUNTIME_DIR"
            set -gx DBUS_SESSION_BUS_ADDRESS "unix:path=$XDG_RUNTIME_DIR/bus"
        else if command -q creds
            creds env --shell fish </dev/null 2>/dev/null | source
        end
    end
    if test -z "$CREDS_SESSION_HOOK" -o "$CREDS_SESSION_HOOK" = on -o "$CREDS_SESSION_HOOK" = always
        if test -n "$DISPLAY" -a -n "$SSH_CONNECTION"; and not test -O /
            dbus-update-activation-environment DISPLAY XAUTHORITY >/dev/null 2>&1
        end
        if _creds_session_wanted
            if test -z "$DBUS_SESSION_BUS_ADDRESS"
                env creds env --start --shell fish </dev/null 2>/dev/null | source
            end
            set -l said (env CREDS_SESSION_HOOK=asks creds unlock --quiet --patience 60 2>&1)
            or set -gx CREDS_SESSION_HOOK asked
            string match -q 'creds:*' -- "$said[1]"; and printf '%s\n' $said >&2
        end
    end
end
functions -e _creds_session_seen _creds_session_wanted
true
