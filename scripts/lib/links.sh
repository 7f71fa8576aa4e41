# shellcheck shell=sh disable=SC2154 # scripts/install assigns the variables
# Sourced by scripts/install: the links by which a shell, and sudo, find the commands; SELinux labels.

is_our_link() {
    case $(readlink "$1" || :) in
    "$prefix"/*) ;;
    *) return 1 ;;
    esac
}

is_free() {
    if [ -e "$1" ] || [ -L "$1" ]; then
        is_our_link "$1"
    fi
}

# Whether a package of the distribution has installed the same commands (scripts/package).
is_packaged() {
    case $(dpkg-query --show --showformat='${db:Status-Status}' creds-session 2>/dev/null) in
    "" | not-installed | config-files) ;;
    *) return 0 ;;
    esac
    command -v rpm >/dev/null 2>&1 && rpm --query creds-session >/dev/null 2>&1
}

require_free_places() {
    ! is_packaged || fail 73 \
        "the package creds-session is installed, and both would change the same state in $state" \
        "remove it first: apt-get remove creds-session, or dnf remove creds-session; nothing was changed"
    for link in $links; do
        is_free "/usr/local/$link" ||
            fail 73 "/usr/local/$link is there and not ours: move it away first; nothing was changed"
    done
    require_free_shared
    if [ -e "$prefix/current" ] && ! [ -L "$prefix/current" ]; then
        fail 73 "$prefix/current is there and not ours: move it away first; nothing was changed"
    fi
    set -- "$prefix" /usr/local/bin /usr/local/sbin "$share" "$service"
    [ ! -d "$fish" ] || set -- "$@" "$fish/completions"
    for hook in $hooks; do
        [ "$hook_wanted" = no ] || ! [ -d "${hook%/*}" ] || set -- "$@" "${hook%/*}"
    done
    for path in "$@"; do
        place=$(nearest_directory "$path")
        can_write "$place" || fail 73 \
            "no file can be made in $place, which is needed for $path: the file system may be read-only" \
            "make it writable for the time of the installation; nothing was changed"
    done
}

# Prints $1, or the first directory above it that exists.
nearest_directory() {
    above=$1
    while ! [ -d "$above" ]; do
        above=$(dirname "$above")
    done
    echo "$above"
}

# Whether a file can be made in directory $1; root's rights alone do not say it.
can_write() {
    probe=$(mktemp "$1/.creds-session.XXXXXX" 2>/dev/null) && rm -f "$probe"
}

# Prints where sudo looks for commands (sudoers(5), secure_path), and nothing if it goes by PATH.
# Root's `sudo -V` prints the settings.
secure_path() {
    command -v sudo >/dev/null 2>&1 || return 0
    LC_ALL=C timeout -k 5 10 sudo -V </dev/null 2>/dev/null |
        sed -n "s/^Value to override user's \$PATH with: //p"
}

# Enterprise Linux 8 and 9 have secure_path = /sbin:/bin:/usr/sbin:/usr/bin. There a command in
# /usr/local is not found by sudo, so it is linked into a directory that is.
link_for_sudo() {
    searched=$(secure_path)
    [ -n "$searched" ] || return 0
    for link in $links; do
        name=${link##*/}
        case :$searched: in
        *:/usr/local/bin:* | *:/usr/local/"${link%/*}":*) continue ;;
        *:/usr/"${link%/*}":*) path=/usr/$link ;;
        *:/usr/bin:*) path=/usr/bin/$name ;;
        *:/usr/sbin:*) path=/usr/sbin/$name ;;
        *) path= ;;
        esac
        if [ -z "$path" ]; then
            say "sudo does not find $name: its secure_path is $searched; run /usr/local/$link"
        elif ! is_free "$path"; then
            say "sudo finds another $name: $path is not ours, and was left as it is"
        elif ! ln -sfn "$prefix/current/bin/$name" "$path" 2>/dev/null; then
            say "sudo does not find $name: no link can be made at $path; run /usr/local/$link"
        fi
    done
}

make_links() {
    for link in $links; do
        mkdir -p "/usr/local/${link%/*}"
        ln -sfn "$prefix/current/bin/${link##*/}" "/usr/local/$link"
    done
    remove_links /usr # a secure_path that was changed since
    link_for_sudo
}

# $1 is /usr/local or /usr.
remove_links() {
    for link in $links; do
        ! is_our_link "$1/$link" || rm -f "$1/$link" || say "$1/$link cannot be removed"
    done
}

# Labels as the policy has them: what is built in a temporary directory brings other ones. Only
# $prefix is ours with everything below it: others may have files in a directory that we made.
restore_labels() {
    command -v restorecon >/dev/null 2>&1 && is_selinux_enabled || return 0
    restorecon -R -F "$prefix" || say "restorecon ended with an error; see its message above"
    set --
    for path in $hooks "$service"; do
        [ ! -e "$path" ] || set -- "$@" "$path"
    done
    for link in $links; do
        for path in "/usr/local/$link" "/usr/$link"; do
            ! is_our_link "$path" || set -- "$@" "$path"
        done
    done
    for path in $(shared_links) $(cat "$prefix/directories" 2>/dev/null || :); do
        set -- "$@" "$path"
    done
    restorecon -F "$@" || say "restorecon ended with an error; see its message above"
}

is_selinux_enabled() {
    if command -v selinuxenabled >/dev/null 2>&1; then
        selinuxenabled
    else
        [ -e /sys/fs/selinux/enforce ]
    fi
}
