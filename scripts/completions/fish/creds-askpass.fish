# By scripts/man-pages, with https://github.com/tqdm/shtab

# Custom Preamble
# fish quotes what it inserts.
function __creds_services
    command creds __names services 2>/dev/null
end

function __creds_users
    set -l words (commandline -opc)
    command creds __names users $words[2..-1] 2>/dev/null
end

function __creds_pam_services
    for path in /etc/pam.d/* /usr/lib/pam.d/*
        test -f $path; and string replace -r '.*/' '' -- $path
    end
end

function __creds_variables
    set --names --export
end

# Behind -- stands a command of somebody else.
function __creds_command
    set -l words (commandline -opc)
    set -l behind (contains -i -- -- $words); or return
    set -l typed (string escape -- $words[(math $behind + 1)..-1]) (commandline -ct)
    complete -C (string join ' ' -- $typed)
end

# End Custom Preamble

# Parse current commandline:
# - _shtab_creds__askpass_cmdpath=(sub)command path seen so far
# - _shtab_creds__askpass_npos=number of positional arguments given after it
# - options are skipped based on _shtab_creds__askpass_opts_with_value & _shtab_creds__askpass_commands lists
function _shtab_creds__askpass_scan
  set -g _shtab_creds__askpass_cmdpath ''
  set -g _shtab_creds__askpass_npos 0
  set -l tokens (commandline -opc)
  set -e tokens[1]
  set -l expect_value 0
  for t in $tokens
    if test $expect_value -eq 1
      set expect_value 0
      continue
    end
    switch "$t"
      case '--*=*'
        continue
      case '-*'
        if contains -- $t $_shtab_creds__askpass_opts_with_value
          set expect_value 1
        end
        continue
      case '*'
        if test $_shtab_creds__askpass_npos -eq 0
          set -l candidate $t
          if test -n "$_shtab_creds__askpass_cmdpath"
            set candidate "$_shtab_creds__askpass_cmdpath $t"
          end
          if contains -- $candidate $_shtab_creds__askpass_commands
            set -g _shtab_creds__askpass_cmdpath $candidate
            continue
          end
        end
        set -g _shtab_creds__askpass_npos (math $_shtab_creds__askpass_npos + 1)
    end
  end
end

# Condition helper: true if the current (sub)command path equals the given one.
function _shtab_creds__askpass_using
  _shtab_creds__askpass_scan
  test "$_shtab_creds__askpass_cmdpath" = "$argv"
end

set -g _shtab_creds__askpass_commands
set -g _shtab_creds__askpass_opts_with_value

complete -c creds-askpass -e
complete -c creds-askpass -f

complete -c creds-askpass -n _shtab_creds__askpass_using -s h -l help -d 'Print this help and exit'
complete -c creds-askpass -n _shtab_creds__askpass_using -s V -l version -d 'Print the version of creds-session and exit'
