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
# - _shtab_creds_cmdpath=(sub)command path seen so far
# - _shtab_creds_npos=number of positional arguments given after it
# - options are skipped based on _shtab_creds_opts_with_value & _shtab_creds_commands lists
function _shtab_creds_scan
  set -g _shtab_creds_cmdpath ''
  set -g _shtab_creds_npos 0
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
        if contains -- $t $_shtab_creds_opts_with_value
          set expect_value 1
        end
        continue
      case '*'
        if test $_shtab_creds_npos -eq 0
          set -l candidate $t
          if test -n "$_shtab_creds_cmdpath"
            set candidate "$_shtab_creds_cmdpath $t"
          end
          if contains -- $candidate $_shtab_creds_commands
            set -g _shtab_creds_cmdpath $candidate
            continue
          end
        end
        set -g _shtab_creds_npos (math $_shtab_creds_npos + 1)
    end
  end
end

# Condition helper: true if the current (sub)command path equals the given one.
function _shtab_creds_using
  _shtab_creds_scan
  test "$_shtab_creds_cmdpath" = "$argv"
end

set -g _shtab_creds_commands put get delete list import-netrc status unlock lock rekey run exec env git-credential askpass hook backends help
set -g _shtab_creds_opts_with_value --askpass --askpass-prompt --env --expect --expect-username --fd --format --keyring --password-credential --password-fd --patience --shell --timeout --unit --username-key --username-key-env --username-key-file -e

complete -c creds -e
complete -c creds -f

complete -c creds -n _shtab_creds_using -s h -l help -d 'Print this help and exit'
complete -c creds -n _shtab_creds_using -s V -l version -d 'Print the version of creds-session and exit'
complete -c creds -n '_shtab_creds_using; and test $_shtab_creds_npos -eq 0' -a put -d 'store a password'
complete -c creds -n '_shtab_creds_using put' -s h -l help -d 'Print this help and exit'
complete -c creds -n '_shtab_creds_using put' -s V -l version -d 'Print the version of creds-session and exit'
complete -c creds -n '_shtab_creds_using put' -l username-key -x -d 'The lookup key that holds the user name is KEY'
complete -c creds -n '_shtab_creds_using put' -l username-key-env -xka "(__creds_variables)" -d 'The lookup key is the value of the environment variable VAR'
complete -c creds -n '_shtab_creds_using put' -l username-key-file -xka "(__fish_complete_path (commandline -ct))" -d 'The lookup key is the only content of FILE, or of standard input if FILE is -'
complete -c creds -n '_shtab_creds_using put' -l encrypted -d 'Encrypt the password on the session bus as well'
complete -c creds -n '_shtab_creds_using put' -l prompt -d 'If the keyring is locked, let it ask for its password in a window'
complete -c creds -n '_shtab_creds_using put' -l timeout -x -d 'Give up after S seconds without an answer (default: 10; with --prompt: 120)'
complete -c creds -n '_shtab_creds_using put' -s v -l verbose -d 'Print which backend is used (D-Bus or python-keyring), and why'
complete -c creds -n '_shtab_creds_using put' -l password-stdin -d 'Read the password from standard input, without one newline at its end'
complete -c creds -n '_shtab_creds_using put' -l password-fd -x -d 'Read the password from file descriptor N, without one newline at its end'
complete -c creds -n '_shtab_creds_using put' -l password-credential -x -d 'Read the password from the systemd credential NAME, without one newline at its end'
complete -c creds -n '_shtab_creds_using put' -l askpass -xka "(__fish_complete_path (commandline -ct))" -d 'Let PROGRAM, which is a program like ssh-askpass, ask for the password'
complete -c creds -n '_shtab_creds_using put' -l allow-empty -d 'Store the password even if it is empty'
complete -c creds -n '_shtab_creds_using put' -l replace -d 'Replace an existing password without a question'
complete -c creds -n '_shtab_creds_using put' -s q -l quiet -d 'Print no message on success'
complete -c creds -n '_shtab_creds_using put; and test $_shtab_creds_npos -eq 0' -ka "(__creds_services)" -d 'The service that the password is for, such as github'
complete -c creds -n '_shtab_creds_using put; and test $_shtab_creds_npos -eq 1' -ka "(__creds_users)" -d 'The user name'
complete -c creds -n '_shtab_creds_using; and test $_shtab_creds_npos -eq 0' -a get -d 'print a password'
complete -c creds -n '_shtab_creds_using get' -s h -l help -d 'Print this help and exit'
complete -c creds -n '_shtab_creds_using get' -s V -l version -d 'Print the version of creds-session and exit'
complete -c creds -n '_shtab_creds_using get' -l username-key -x -d 'The lookup key that holds the user name is KEY'
complete -c creds -n '_shtab_creds_using get' -l username-key-env -xka "(__creds_variables)" -d 'The lookup key is the value of the environment variable VAR'
complete -c creds -n '_shtab_creds_using get' -l username-key-file -xka "(__fish_complete_path (commandline -ct))" -d 'The lookup key is the only content of FILE, or of standard input if FILE is -'
complete -c creds -n '_shtab_creds_using get' -l no-newline -d 'Print the password without a newline at its end'
complete -c creds -n '_shtab_creds_using get' -l format -xka "plain json null" -d 'Print plain text (the default), one JSON object, or fields with a NUL byte after each'
complete -c creds -n '_shtab_creds_using get' -l json -d 'Print one JSON object'
complete -c creds -n '_shtab_creds_using get' -l encrypted -d 'Encrypt the password on the session bus as well'
complete -c creds -n '_shtab_creds_using get' -l prompt -d 'If the keyring is locked, let it ask for its password in a window'
complete -c creds -n '_shtab_creds_using get' -l timeout -x -d 'Give up after S seconds without an answer (default: 10; with --prompt: 120)'
complete -c creds -n '_shtab_creds_using get' -s v -l verbose -d 'Print which backend is used (D-Bus or python-keyring), and why'
complete -c creds -n '_shtab_creds_using get; and test $_shtab_creds_npos -eq 0' -ka "(__creds_services)" -d 'The service that the password is for, such as github'
complete -c creds -n '_shtab_creds_using get; and test $_shtab_creds_npos -eq 1' -ka "(__creds_users)" -d 'The user name'
complete -c creds -n '_shtab_creds_using; and test $_shtab_creds_npos -eq 0' -a delete -d 'delete a password'
complete -c creds -n '_shtab_creds_using delete' -s h -l help -d 'Print this help and exit'
complete -c creds -n '_shtab_creds_using delete' -s V -l version -d 'Print the version of creds-session and exit'
complete -c creds -n '_shtab_creds_using delete' -l username-key -x -d 'The lookup key that holds the user name is KEY'
complete -c creds -n '_shtab_creds_using delete' -l username-key-env -xka "(__creds_variables)" -d 'The lookup key is the value of the environment variable VAR'
complete -c creds -n '_shtab_creds_using delete' -l username-key-file -xka "(__fish_complete_path (commandline -ct))" -d 'The lookup key is the only content of FILE, or of standard input if FILE is -'
complete -c creds -n '_shtab_creds_using delete' -s q -l quiet -d 'Print no message on success'
complete -c creds -n '_shtab_creds_using delete' -l prompt -d 'If the keyring is locked, let it ask for its password in a window'
complete -c creds -n '_shtab_creds_using delete' -l timeout -x -d 'Give up after S seconds without an answer (default: 10; with --prompt: 120)'
complete -c creds -n '_shtab_creds_using delete' -s v -l verbose -d 'Print which backend is used (D-Bus or python-keyring), and why'
complete -c creds -n '_shtab_creds_using delete; and test $_shtab_creds_npos -eq 0' -ka "(__creds_services)" -d 'The service that the password is for, such as github'
complete -c creds -n '_shtab_creds_using delete; and test $_shtab_creds_npos -eq 1' -ka "(__creds_users)" -d 'The user name'
complete -c creds -n '_shtab_creds_using; and test $_shtab_creds_npos -eq 0' -a list -d 'list services and user names'
complete -c creds -n '_shtab_creds_using list' -s h -l help -d 'Print this help and exit'
complete -c creds -n '_shtab_creds_using list' -s V -l version -d 'Print the version of creds-session and exit'
complete -c creds -n '_shtab_creds_using list' -l format -xka "plain json null" -d 'Print plain text (the default), one JSON object, or fields with a NUL byte after each'
complete -c creds -n '_shtab_creds_using list' -l json -d 'Print one JSON object'
complete -c creds -n '_shtab_creds_using list' -l prompt -d 'If the keyring is locked, let it ask for its password in a window'
complete -c creds -n '_shtab_creds_using list' -l timeout -x -d 'Give up after S seconds without an answer (default: 60; with --prompt: 120)'
complete -c creds -n '_shtab_creds_using list' -s v -l verbose -d 'Print which backend is used (D-Bus or python-keyring), and why'
complete -c creds -n '_shtab_creds_using list; and test $_shtab_creds_npos -eq 0' -ka "(__creds_services)" -d 'List only the credentials of this service'
complete -c creds -n '_shtab_creds_using; and test $_shtab_creds_npos -eq 0' -a import-netrc -d 'store the passwords of a .netrc file'
complete -c creds -n '_shtab_creds_using import-netrc' -s h -l help -d 'Print this help and exit'
complete -c creds -n '_shtab_creds_using import-netrc' -s V -l version -d 'Print the version of creds-session and exit'
complete -c creds -n '_shtab_creds_using import-netrc' -s n -l dry-run -d 'Store nothing'
complete -c creds -n '_shtab_creds_using import-netrc' -l replace -d 'Replace a password that is stored already and is another one'
complete -c creds -n '_shtab_creds_using import-netrc' -l allow-empty -d 'Store empty passwords as well'
complete -c creds -n '_shtab_creds_using import-netrc; and test $_shtab_creds_npos -eq 0' -ka "(__fish_complete_path (commandline -ct))" -d 'Read FILE, or standard input if FILE is -'
complete -c creds -n '_shtab_creds_using; and test $_shtab_creds_npos -eq 0' -a status -d 'say whether a secret can be read here'
complete -c creds -n '_shtab_creds_using status' -s h -l help -d 'Print this help and exit'
complete -c creds -n '_shtab_creds_using status' -s V -l version -d 'Print the version of creds-session and exit'
complete -c creds -n '_shtab_creds_using status' -l json -d 'Print the result as one JSON object'
complete -c creds -n '_shtab_creds_using status' -l timeout -x -d 'Give up after S seconds without an answer (default: 10)'
complete -c creds -n '_shtab_creds_using; and test $_shtab_creds_npos -eq 0' -a unlock -d 'unlock the keyring'
complete -c creds -n '_shtab_creds_using unlock' -s h -l help -d 'Print this help and exit'
complete -c creds -n '_shtab_creds_using unlock' -s V -l version -d 'Print the version of creds-session and exit'
complete -c creds -n '_shtab_creds_using unlock' -l create -d 'Create the login keyring if there is none'
complete -c creds -n '_shtab_creds_using unlock' -l password-stdin -d 'Read the password from standard input, without one newline at its end'
complete -c creds -n '_shtab_creds_using unlock' -l password-fd -x -d 'Read the password from file descriptor N, without one newline at its end'
complete -c creds -n '_shtab_creds_using unlock' -l password-credential -x -d 'Read the password from the systemd credential NAME, without one newline at its end'
complete -c creds -n '_shtab_creds_using unlock' -l askpass -xka "(__fish_complete_path (commandline -ct))" -d 'Let PROGRAM, which is a program like ssh-askpass, ask for the password'
complete -c creds -n '_shtab_creds_using unlock' -l timeout -x -d 'Give up after S seconds without an answer (default: 10)'
complete -c creds -n '_shtab_creds_using unlock' -l patience -x -d 'Give up after S seconds without input, which counts as an empty password'
complete -c creds -n '_shtab_creds_using unlock' -s n -l explain -l dry-run -d 'Print how the keyring would be unlocked, and change nothing'
complete -c creds -n '_shtab_creds_using unlock' -s q -l quiet -d 'Print nothing on success or if there is nothing to do'
complete -c creds -n '_shtab_creds_using unlock' -l json -d 'Print the result as one JSON object'
complete -c creds -n '_shtab_creds_using; and test $_shtab_creds_npos -eq 0' -a lock -d 'lock the keyring'
complete -c creds -n '_shtab_creds_using lock' -s h -l help -d 'Print this help and exit'
complete -c creds -n '_shtab_creds_using lock' -s V -l version -d 'Print the version of creds-session and exit'
complete -c creds -n '_shtab_creds_using lock' -l all -d 'Lock every keyring, not only these two'
complete -c creds -n '_shtab_creds_using lock' -l if-logged-out -d 'Do nothing as long as you are logged in anywhere on this machine'
complete -c creds -n '_shtab_creds_using lock' -s q -l quiet -d 'Print no message on success'
complete -c creds -n '_shtab_creds_using lock' -l json -d 'Print the result as one JSON object'
complete -c creds -n '_shtab_creds_using lock' -l timeout -x -d 'Give up after S seconds without an answer (default: 10)'
complete -c creds -n '_shtab_creds_using; and test $_shtab_creds_npos -eq 0' -a rekey -d 'change the keyring'"'"'s password'
complete -c creds -n '_shtab_creds_using rekey' -s h -l help -d 'Print this help and exit'
complete -c creds -n '_shtab_creds_using rekey' -s V -l version -d 'Print the version of creds-session and exit'
complete -c creds -n '_shtab_creds_using rekey' -l password-stdin -d 'Read the password from standard input, without one newline at its end'
complete -c creds -n '_shtab_creds_using rekey' -l password-fd -x -d 'Read the password from file descriptor N, without one newline at its end'
complete -c creds -n '_shtab_creds_using rekey' -l password-credential -x -d 'Read the password from the systemd credential NAME, without one newline at its end'
complete -c creds -n '_shtab_creds_using rekey' -l askpass -xka "(__fish_complete_path (commandline -ct))" -d 'Let PROGRAM, which is a program like ssh-askpass, ask for the password'
complete -c creds -n '_shtab_creds_using rekey' -l keyring -x -d 'Change the keyring in the file NAME.keyring'
complete -c creds -n '_shtab_creds_using rekey' -l timeout -x -d 'Give up after S seconds without an answer (default: 10)'
complete -c creds -n '_shtab_creds_using rekey' -s q -l quiet -d 'Print no message on success'
complete -c creds -n '_shtab_creds_using rekey' -l json -d 'Print the result as one JSON object'
complete -c creds -n '_shtab_creds_using; and test $_shtab_creds_npos -eq 0' -a run -d 'run a command and give it a password'
complete -c creds -n '_shtab_creds_using run' -s h -l help -d 'Print this help and exit'
complete -c creds -n '_shtab_creds_using run' -s V -l version -d 'Print the version of creds-session and exit'
complete -c creds -n '_shtab_creds_using run' -l username-key -x -d 'The lookup key that holds the user name is KEY'
complete -c creds -n '_shtab_creds_using run' -l username-key-env -xka "(__creds_variables)" -d 'The lookup key is the value of the environment variable VAR'
complete -c creds -n '_shtab_creds_using run' -l username-key-file -xka "(__fish_complete_path (commandline -ct))" -d 'The lookup key is the only content of FILE, or of standard input if FILE is -'
complete -c creds -n '_shtab_creds_using run' -l env -s e -x -d 'Set the environment variable NAME to the password, or to the user name'
complete -c creds -n '_shtab_creds_using run' -l fd -x -d 'Let the command read the password from file descriptor N, once'
complete -c creds -n '_shtab_creds_using run' -l askpass -d 'Set SSH_ASKPASS, SUDO_ASKPASS and GIT_ASKPASS to a program that answers prompts for a password'
complete -c creds -n '_shtab_creds_using run' -l askpass-prompt -x -d 'With --askpass: answer the prompts that match REGEX, whatever host they name'
complete -c creds -n '_shtab_creds_using run' -l expect -x -d 'Type the password at a prompt that matches REGEX'
complete -c creds -n '_shtab_creds_using run' -l expect-username -x -d 'Type the user name at a prompt that matches REGEX'
complete -c creds -n '_shtab_creds_using run' -l timeout -x -d 'End the command after S seconds'
complete -c creds -n '_shtab_creds_using run; and test $_shtab_creds_npos -eq 0' -ka "(__creds_services)" -d 'The service that the password is for, such as github'
complete -c creds -n '_shtab_creds_using run; and test $_shtab_creds_npos -eq 1' -ka "(__creds_users)" -d 'The user name'
complete -c creds -n '_shtab_creds_using; and test $_shtab_creds_npos -eq 0' -a exec -d 'run a command with a temporary keyring of its own'
complete -c creds -n '_shtab_creds_using exec' -s h -l help -d 'Print this help and exit'
complete -c creds -n '_shtab_creds_using exec' -s V -l version -d 'Print the version of creds-session and exit'
complete -c creds -n '_shtab_creds_using exec' -l timeout -x -d 'Give up after S seconds in each step of making the session (default: 10)'
complete -c creds -n '_shtab_creds_using; and test $_shtab_creds_npos -eq 0' -a env -d 'connect a shell to your session bus'
complete -c creds -n '_shtab_creds_using env' -s h -l help -d 'Print this help and exit'
complete -c creds -n '_shtab_creds_using env' -s V -l version -d 'Print the version of creds-session and exit'
complete -c creds -n '_shtab_creds_using env' -l shell -xka "sh fish csh" -d 'Print the syntax of this shell'
complete -c creds -n '_shtab_creds_using env' -l start -d 'If no session bus answers, start one that your later shells find too'
complete -c creds -n '_shtab_creds_using env' -l timeout -x -d 'Give up after S seconds without an answer (default: 10)'
complete -c creds -n '_shtab_creds_using; and test $_shtab_creds_npos -eq 0' -a git-credential -d 'let git use the keyring'
complete -c creds -n '_shtab_creds_using git-credential' -s h -l help -d 'Print this help and exit'
complete -c creds -n '_shtab_creds_using git-credential' -s V -l version -d 'Print the version of creds-session and exit'
complete -c creds -n '_shtab_creds_using git-credential; and test $_shtab_creds_npos -eq 0' -ka "get store erase" -d 'Print, store or delete the credential'
complete -c creds -n '_shtab_creds_using; and test $_shtab_creds_npos -eq 0' -a askpass -d 'let ssh and sudo use the keyring'
complete -c creds -n '_shtab_creds_using askpass' -s h -l help -d 'Print this help and exit'
complete -c creds -n '_shtab_creds_using askpass' -s V -l version -d 'Print the version of creds-session and exit'
complete -c creds -n '_shtab_creds_using; and test $_shtab_creds_npos -eq 0' -a hook -d 'be asked for the keyring'"'"'s password at login'
complete -c creds -n '_shtab_creds_using hook' -s h -l help -d 'Print this help and exit'
complete -c creds -n '_shtab_creds_using hook' -s V -l version -d 'Print the version of creds-session and exit'
complete -c creds -n '_shtab_creds_using hook' -l shell -x -d 'Use the hook for this shell'
complete -c creds -n '_shtab_creds_using hook' -l unit -xka "lock unlock pam" -d 'Use a unit of systemd instead of the hook: lock locks all keyrings at your last logout; unlock unlocks the login keyring with a credential; pam, which requires root, checks the change of PAM after each update'
complete -c creds -n '_shtab_creds_using hook; and test $_shtab_creds_npos -eq 0' -ka "install remove print" -d 'Install the hook, remove exactly what was installed, or print the hook'
complete -c creds -n '_shtab_creds_using; and test $_shtab_creds_npos -eq 0' -a backends -d 'say which backend of python-keyring is used'
complete -c creds -n '_shtab_creds_using backends' -s h -l help -d 'Print this help and exit'
complete -c creds -n '_shtab_creds_using backends' -s V -l version -d 'Print the version of creds-session and exit'
complete -c creds -n '_shtab_creds_using backends' -l json -d 'Print the result as one JSON object'
complete -c creds -n '_shtab_creds_using; and test $_shtab_creds_npos -eq 0' -a help -d 'show this overview, or the help of a command'
complete -c creds -n '_shtab_creds_using help' -s h -l help -d 'Print this help and exit'
complete -c creds -n '_shtab_creds_using help' -s V -l version -d 'Print the version of creds-session and exit'
complete -c creds -n '_shtab_creds_using help; and test $_shtab_creds_npos -eq 0' -ka "put get delete list import-netrc status unlock lock rekey run exec env git-credential askpass hook backends help" -d 'Show the help of this command'
complete -c creds -n 'contains -- -- (commandline -opc)' -x -a '(__creds_command)'
