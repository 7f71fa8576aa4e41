# shellcheck shell=sh disable=SC2154 # scripts/install assigns the variables
# Sourced by scripts/install: which parts this machine lacks, and which packages have them.

# The parts that are not Python's, as creds_session/facts/distribution.py calls them.
parts='gnome-keyring-daemon pam_gnome_keyring.so dbus-run-session user-bus pam_systemd.so'

# Prints the package manager of this machine. Some distributions also package another one's: only
# a machine with Debian's database of packages is Debian's.
package_manager() {
    if [ -s /var/lib/dpkg/status ] && command -v apt-get >/dev/null 2>&1; then
        echo apt-get
        return 0
    fi
    for manager in dnf microdnf tdnf zypper pacman apk apt-get; do
        if command -v "$manager" >/dev/null 2>&1; then
            echo "$manager"
            return 0
        fi
    done
    return 1
}

# Prints the package that has part $2 on a machine with package manager $1, and nothing if that
# part does not exist there: Alpine has no systemd.
#
# Red Hat: dbus requires the bus that serves users there, dbus-daemon or dbus-broker; dbus-run-session
# is in dbus-daemon (dbus.spec). SUSE: it is in dbus-1 or, since 1.14.6, in dbus-1-daemon (dbus-1.spec),
# and zypper finds the package of a file.
package_of() {
    case $1:$2 in
    *:gnome-keyring-daemon) echo gnome-keyring ;;
    apt-get:pam_gnome_keyring.so) echo libpam-gnome-keyring ;;
    pacman:pam_gnome_keyring.so | apk:pam_gnome_keyring.so) echo gnome-keyring ;;
    *:pam_gnome_keyring.so) echo gnome-keyring-pam ;;
    dnf:dbus-run-session | microdnf:dbus-run-session | tdnf:dbus-run-session) echo dbus-daemon ;;
    zypper:dbus-run-session) echo /usr/bin/dbus-run-session ;;
    *:dbus-run-session) echo dbus ;;
    apk:*) ;;
    apt-get:user-bus) echo dbus-user-session ;;
    zypper:user-bus) echo dbus-1 ;;
    *:user-bus) echo dbus ;;
    apt-get:pam_systemd.so) echo libpam-systemd ;;
    zypper:pam_systemd.so | pacman:pam_systemd.so) echo systemd ;;
    *:pam_systemd.so) echo systemd-pam ;;
    esac
}

# Prints the package that has $python if it is missing.
python_package() {
    # shellcheck disable=SC1091 # os-release(5)
    case $1:$(. /etc/os-release 2>/dev/null && echo "${PLATFORM_ID:-} ${ID:-}${VERSION_ID:-}") in
    dnf:platform:el8* | microdnf:platform:el8*) echo python3.12 ;;
    zypper:*[a-z]15*) echo python311 ;; # SUSE 15, where python3 is 3.6
    pacman:*) echo python ;;
    *) echo python3 ;;
    esac
}

# Prints the package that has what `python -m venv` needs.
venv_package() {
    name=${python##*/}
    case $1 in
    apt-get) echo "$name-venv" ;;
    dnf | microdnf | tdnf) echo "$name-pip-wheel" ;; # Fedora's ensurepip reads its wheels there
    *) python_package "$1" ;;
    esac
}

is_module() {
    find /usr/lib /usr/lib64 /lib /lib64 -maxdepth 3 -name "$1" 2>/dev/null | grep -q .
}

is_missing() {
    case $1 in
    *.so) ! is_module "$1" ;;
    user-bus) ! [ -e /usr/lib/systemd/user/dbus.socket ] && ! [ -e /lib/systemd/user/dbus.socket ] ;;
    *) ! command -v "$1" >/dev/null 2>&1 ;;
    esac
}

# Sets $missing to the parts that this machine lacks, and $packages to what has them.
look_for_parts() {
    missing=
    packages=
    if ! [ -x "$python" ]; then
        lacks "${python##*/}" "$(python_package "$1")"
    elif ! "$python" -I -c 'import ensurepip, venv; ensurepip.version()' 2>/dev/null; then
        lacks "what $python -m venv needs" "$(venv_package "$1")"
    fi
    for part in $parts; do
        name=$(package_of "$1" "$part")
        if [ -n "$name" ] && is_missing "$part"; then
            lacks "$part" "$name"
        fi
    done
}

lacks() {
    missing="$missing${missing:+, }$1"
    case " $packages " in
    *" $2 "*) ;;
    *) packages="$packages${packages:+ }$2" ;;
    esac
}

# Prints on standard error what the package manager prints. Only what is missing is asked for.
install_packages() {
    # shellcheck disable=SC2086 # a list of words
    case $1 in
    apt-get)
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages
        ;;
    dnf) dnf install -y -q $packages ;;
    microdnf | tdnf) "$1" install -y $packages ;;
    zypper) zypper --non-interactive --quiet install --no-recommends $packages ;;
    pacman) pacman -S --noconfirm --needed $packages ;;
    apk) apk add --quiet $packages ;;
    esac >&2
}

# Installs the packages that are missing, and looks again whether they are there. $1 is "look" if
# nothing is to be installed.
require_packages() {
    manager=$(package_manager) || manager=
    look_for_parts "$manager"
    [ -n "$missing" ] || return 0
    if [ "$1" = look ]; then
        say "not installed, and left to you: $missing"
    elif [ -z "$manager" ]; then
        fail 69 "not installed: $missing" \
            "no package manager that this script knows was found; install them by your distribution's names," \
            "or run scripts/install --no-packages, which leaves that to you; nothing was changed"
    else
        say "installing with $manager: $packages"
        # shellcheck disable=SC2034 # scripts/install writes them down
        installed=$packages
        install_packages "$manager" || say "$manager ended with an error"
        [ -n "$named_python" ] || choose_python ""
        look_for_parts "$manager"
        [ -z "$missing" ] || fail 69 \
            "still not installed: $missing ($manager was asked for: $packages)" \
            "install them and run scripts/install again, or run scripts/install --no-packages," \
            "which leaves that to you; nothing was changed but packages"
    fi
}
