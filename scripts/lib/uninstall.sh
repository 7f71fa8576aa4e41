# shellcheck shell=sh disable=SC2154 # scripts/install assigns the variables
# Sourced by scripts/install: take everything back, and list what stays.

# The same function is in scripts/packaging/debian/creds-session.prerm and .postrm. dpkg runs postrm when the
# files of the package are removed, so there is no file that all three could read.
is_pam_changed() {
    [ -e "$state/pending.json" ] || [ -n "$(ls -A "$state/checkpoints" 2>/dev/null)" ]
}

uninstall_it() {
    program=$prefix/current/bin/creds-setup-pam
    if "$program" --version >/dev/null 2>&1; then
        "$program" revert || fail 1 "PAM could not be reverted; nothing was removed"
    elif is_pam_changed; then
        fail 69 "$program is missing or broken, and PAM is still changed; nothing was removed" \
            "run scripts/install again first, then --uninstall"
    fi
    packages=$(cat "$prefix/packages" 2>/dev/null || :)
    # Before the program that they run.
    remove_units pam creds-session-pam.path creds-session-pam.service
    remove_units lock creds-session-lock.path creds-session-lock.service
    remove_units unlock creds-session-unlock.service
    remove_hooks
    remove_service
    remove_links /usr/local
    remove_links /usr
    remove_shared_links
    rm -rf "$prefix"
    forget_state
    say "removed; PAM has no rule of creds-session"
    list_what_stays
}

# Units of every user's manager: $1 is their name for `creds hook`, the rest are files, of which the
# first is the one that is enabled.
remove_units() {
    unit=$1
    units=/etc/systemd/user
    [ "$unit" != pam ] || units=/etc/systemd/system
    enabled=$2
    shift
    for file in "$@"; do
        [ -e "$units/$file" ] || continue
        if ! "$prefix/current/bin/creds" hook remove --unit "$unit" 2>/dev/null; then
            for link in "$units"/*.wants/"$enabled"; do
                rm -f "$link"
            done
            for path in "$@"; do
                rm -f "$units/$path"
            done
        fi
        case $unit in
        pam) say "removed the unit $enabled" ;;
        *) say "removed the unit $enabled; user managers that are running keep it until they end" ;;
        esac
        return 0
    done
}

# One that an admin edited stays.
remove_service() {
    if same "$prefix/current/pam-service" "$service"; then
        rm -f "$service"
    elif [ -e "$service" ]; then
        say "kept $service: it was edited"
    fi
}

# Only what is empty by now: a change that was not reverted is kept.
forget_state() {
    [ -d "$state" ] || return 0
    # Nothing of ours is behind a link: creds-setup-pam follows none there.
    [ ! -L "$state" ] || { say "kept $state: it is a symbolic link"; return 0; }
    [ ! -d "$state/checkpoints" ] || rmdir "$state/checkpoints" 2>/dev/null ||
        { say "kept $state/checkpoints: it is not empty"; return 0; }
    rm -f "$state/lock"
    rmdir "$state" 2>/dev/null || say "kept $state: it is not empty"
}

# Files that docs/how-to/monitoring.md has an administrator install; their programs are gone now.
monitoring='/etc/systemd/system/creds-doctor@.service /etc/systemd/system/creds-doctor@.timer
    /etc/sudoers.d/creds-doctor /etc/nagios/nrpe.d/keyring.cfg'

list_what_stays() {
    say "left in place:"
    for path in $hooks "$service" "$state" $monitoring; do
        [ ! -e "$path" ] || say "    $path"
    done
    [ -z "$packages" ] || say "    packages that scripts/install installed:" "        $packages"
    # A home on a file server that does not answer must not hold this up.
    timeout -k 5 10 sh -c "$USERS_FILES" sh /etc/passwd | while read -r path; do
        say "    $path (the user runs: creds hook remove, before, or removes it)"
    done
    say "    the users' keyrings (~/.local/share/keyrings)"
}

# What `creds hook install` has put into the homes of the accounts of this machine: names alone are
# looked at.
# shellcheck disable=SC2016 # a script of its own
USERS_FILES='
while IFS=: read -r name password uid gid gecos home shell; do
    case $home in / | "" | /nonexistent | /dev/*) continue ;; esac
    for file in creds-session/hook.sh fish/conf.d/creds-session.fish \
        systemd/user/creds-session-lock.path systemd/user/creds-session-unlock.service; do
        [ ! -e "$home/.config/$file" ] || echo "$home/.config/$file"
    done
done <"$1"'
