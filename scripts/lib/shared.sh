# shellcheck shell=sh disable=SC2154 # scripts/install assigns the variables
# Sourced by scripts/install: man pages, completions and the documentation, as links below
# /usr/local/share into the release that is in use. The fish of Debian looks for completions in
# /etc/fish and not there, so they are linked in both.

share=/usr/local/share
fish=/etc/fish

# Prints the path below a share directory of each man page and completion of this checkout.
shared_names() {
    for path in "$here"/docs/man/*.[1-8]; do
        echo "man/man${path##*.}/${path##*/}"
    done
    for path in "$here"/scripts/completions/bash/*; do
        echo "bash-completion/completions/${path##*/}"
    done
    for path in "$here"/scripts/completions/zsh/*; do
        echo "zsh/site-functions/${path##*/}"
    done
    for path in "$here"/scripts/completions/fish/*; do
        echo "fish/vendor_completions.d/${path##*/}"
    done
    echo doc/creds-session
}

# Prints each link to the file $1.
shared_places() {
    echo "$share/$1"
    case $1 in
    fish/*) [ ! -d "$fish" ] || echo "$fish/completions/${1##*/}" ;;
    esac
}

# What an installation may have linked, also one of another version.
shared_links() {
    for path in "$share"/man/man[1-8]/creds* "$share"/bash-completion/completions/creds* \
        "$share"/zsh/site-functions/_creds* "$share"/fish/vendor_completions.d/creds* \
        "$fish"/completions/creds* "$share"/doc/creds-session; do
        ! is_our_link "$path" || echo "$path"
    done
}

# Fails if $1 cannot become a directory, because a file or a link to nothing is in its place.
require_directory() {
    [ ! -d "$1" ] || return 0
    if [ -e "$1" ] || [ -L "$1" ]; then
        fail 73 "$1 is not a directory: move it away first; nothing was changed"
    fi
    require_directory "${1%/*}"
}

require_free_shared() {
    for name in $(shared_names); do
        for path in $(shared_places "$name"); do
            is_free "$path" ||
                fail 73 "$path is there and not ours: move it away first; nothing was changed"
            require_directory "${path%/*}"
        done
    done
}

# $1 is the new release. pip has installed the man pages and the completions there.
copy_documentation() {
    mkdir -p "$1/share/doc/creds-session"
    cp -R "$here/docs" "$here/README.md" "$here/CHANGELOG.md" "$here/LICENSE" "$1/share/doc/creds-session"
    chmod -R u=rwX,go=rX "$1/share/doc/creds-session"
}

# Remembers each directory that is made, so that --uninstall can remove it.
make_shared_directory() {
    [ ! -d "$1" ] || return 0
    make_shared_directory "${1%/*}"
    mkdir "$1"
    echo "$1" >>"$prefix/directories"
}

make_shared_links() {
    shared_links | while read -r path; do rm -f "$path"; done # of a page that is gone
    for name in $(shared_names); do
        for path in $(shared_places "$name"); do
            make_shared_directory "${path%/*}"
            ln -sfn "$prefix/current/share/$name" "$path"
        done
    done
}

remove_shared_links() {
    shared_links | while read -r path; do
        rm -f "$path" || say "$path cannot be removed"
    done
    # The deepest first. One that somebody else uses now is not empty.
    [ ! -f "$prefix/directories" ] || sort -r "$prefix/directories" | while read -r path; do
        rmdir "$path" 2>/dev/null || :
    done
}
