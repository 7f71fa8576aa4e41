# Words are divided at blanks alone: readline also divides them at : and = and @, which a service or a
# user name may contain. An option and its value are two words. What readline replaces is the part
# behind the last of these characters, so the rest is taken off each result.
_creds_complete() {
  local -a words=()
  local word rest=${COMP_LINE:0:COMP_POINT} cur prefix name
  local -i n
  while [[ $rest == [[:blank:]]* ]]; do rest=${rest#?}; done
  for ((n = 0; n <= COMP_CWORD; n++)); do
    word=${COMP_WORDS[n]}
    ((n == COMP_CWORD)) && word=${rest#"${rest%%[![:blank:]]*}"}
    if ((n == 0)) || [[ $rest == [[:blank:]]* || -z $rest ]]; then words+=("$word"); else words[-1]+=$word; fi
    rest=${rest#"${rest%%[![:blank:]]*}"}
    rest=${rest#"$word"}
  done
  cur=${words[-1]}
  for ((n = 1; n < ${#words[@]} - 1; n++)); do # not the word at the cursor
    [[ ${words[n]} == -- ]] && { _creds_command "$n"; return; }
  done
  if [[ $cur == --*=* ]]; then
    words[-1]=${cur%%=*}
    cur=${cur#*=}
    words+=("$cur")
  fi
  prefix=${cur%"${cur##*[:=@]}"}
  local -a COMP_WORDS=("${words[@]}")
  local -i COMP_CWORD=$((${#words[@]} - 1))
  "$1"
  [[ -z $prefix ]] || for n in "${!COMPREPLY[@]}"; do
    name=${COMPREPLY[n]}
    [[ $COMP_WORDBREAKS == *"${prefix: -1}"* ]] && COMPREPLY[n]=${name#"$prefix"}
  done
}

# Behind -- stands a command of somebody else: its name, then files. $1 is where -- is.
_creds_command() {
  COMPREPLY=()
  if ((${#words[@]} == $1 + 2)) && [[ $cur != */* ]]; then
    mapfile -t COMPREPLY < <(compgen -c -- "$cur" | sort -u)
  else
    compopt -o default 2>/dev/null
  fi
}

# Print the lines of standard input that begin with $1, quoted for the shell.
_creds_matching() {
  local name quoted
  [[ $1 == [\"\']* ]] && return
  while IFS= read -r name; do
    printf -v quoted %q "$name"
    if [[ $name == "$1"* || $quoted == "$1"* ]]; then printf '%s\n' "$quoted"; fi
  done
}

_creds_services() { command creds __names services 2>/dev/null | _creds_matching "$1"; }

_creds_users() {
  command creds __names users-quoted "${COMP_WORDS[@]:1:COMP_CWORD-1}" 2>/dev/null |
    _creds_matching "$1"
}

_creds_files() { compgen -f -- "$1"; }
_creds_directories() { compgen -d -- "$1"; }
_creds_accounts() { compgen -u -- "$1"; }
_creds_variables() { compgen -e -- "$1"; }

_creds_pam_services() {
  local path
  for path in /etc/pam.d/* /usr/lib/pam.d/*; do
    [[ -f $path ]] && printf '%s\n' "${path##*/}"
  done | sort -u | _creds_matching "$1"
}
