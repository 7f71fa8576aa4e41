# Behind -- stands a command of somebody else.
if [[ ${words[2]-} == (run|exec) ]] && (( ${words[(i)--]} < CURRENT )); then
  integer behind=${words[(i)--]}
  words=("${(@)words[behind+1,-1]}")
  (( CURRENT -= behind ))
  _normal
  return
fi

# Add the lines of $1; compadd quotes what it adds.
_creds_names() {
  local -a names
  names=("${(@f)1}")
  shift
  [[ -n ${names[1]-} ]] && compadd "$@" -a names
}

_creds_services() { _creds_names "$(command creds __names services 2>/dev/null)" "$@" }

_creds_users() {
  _creds_names "$(command creds __names users "${(@Q)words[1,CURRENT-1]}" 2>/dev/null)" "$@"
}

_creds_pam_services() {
  local -a names
  names=(/etc/pam.d/*(N.:t) /usr/lib/pam.d/*(N.:t))
  (( $#names )) && compadd "$@" -a names
}

_creds_variables() { _parameters -g '*export*' "$@" }
