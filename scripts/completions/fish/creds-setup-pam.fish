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
# - _shtab_creds__setup__pam_cmdpath=(sub)command path seen so far
# - _shtab_creds__setup__pam_npos=number of positional arguments given after it
# - options are skipped based on _shtab_creds__setup__pam_opts_with_value & _shtab_creds__setup__pam_commands lists
function _shtab_creds__setup__pam_scan
  set -g _shtab_creds__setup__pam_cmdpath ''
  set -g _shtab_creds__setup__pam_npos 0
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
        if contains -- $t $_shtab_creds__setup__pam_opts_with_value
          set expect_value 1
        end
        continue
      case '*'
        if test $_shtab_creds__setup__pam_npos -eq 0
          set -l candidate $t
          if test -n "$_shtab_creds__setup__pam_cmdpath"
            set candidate "$_shtab_creds__setup__pam_cmdpath $t"
          end
          if contains -- $candidate $_shtab_creds__setup__pam_commands
            set -g _shtab_creds__setup__pam_cmdpath $candidate
            continue
          end
        end
        set -g _shtab_creds__setup__pam_npos (math $_shtab_creds__setup__pam_npos + 1)
    end
  end
end

# Condition helper: true if the current (sub)command path equals the given one.
function _shtab_creds__setup__pam_using
  _shtab_creds__setup__pam_scan
  test "$_shtab_creds__setup__pam_cmdpath" = "$argv"
end

set -g _shtab_creds__setup__pam_commands check diff apply rebase confirm revert explain simulate judge help
set -g _shtab_creds__setup__pam_opts_with_value --after --before --call --color --confirm-within --format --returns --root --service --try

complete -c creds-setup-pam -e
complete -c creds-setup-pam -f

complete -c creds-setup-pam -n _shtab_creds__setup__pam_using -s h -l help -d 'Print this help and exit'
complete -c creds-setup-pam -n _shtab_creds__setup__pam_using -s V -l version -d 'Print the version of creds-session and exit'
complete -c creds-setup-pam -n _shtab_creds__setup__pam_using -l root -xka "(__fish_complete_directories)" -d 'Work on the system in DIR, for example a mounted image, instead of this machine (default: /)'
complete -c creds-setup-pam -n _shtab_creds__setup__pam_using -l service -xka "(__creds_pam_services)" -d 'Work on the PAM service NAME'
complete -c creds-setup-pam -n _shtab_creds__setup__pam_using -l json -d 'Print one JSON object'
complete -c creds-setup-pam -n _shtab_creds__setup__pam_using -l color -xka "auto always never" -d 'Print colours always, never, or (auto, the default) at a terminal that shows colours if the variable NO_COLOR is not set'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using; and test $_shtab_creds__setup__pam_npos -eq 0' -a check -d 'say whether a change is needed'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using check' -s h -l help -d 'Print this help and exit'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using check' -s V -l version -d 'Print the version of creds-session and exit'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using check' -l root -xka "(__fish_complete_directories)" -d 'Work on the system in DIR, for example a mounted image, instead of this machine (default: /)'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using check' -l service -xka "(__creds_pam_services)" -d 'Work on the PAM service NAME'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using check' -l json -d 'Print one JSON object'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using check' -l only-add -d 'Insert lines only; never modify existing ones'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using check' -l skip-root -d 'Skip the keyring rules for root, so that a hung keyring daemon cannot block root'"'"'s login'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using check' -l strict -d 'Prove the change for every value that a module can return, instead of those that pam_gnome_keyring returns'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using check' -l after-update -d 'Look only at services that apply has changed, and print only what is wrong'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using; and test $_shtab_creds__setup__pam_npos -eq 0' -a diff -d 'show what apply would change, and why'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using diff' -s h -l help -d 'Print this help and exit'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using diff' -s V -l version -d 'Print the version of creds-session and exit'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using diff' -l root -xka "(__fish_complete_directories)" -d 'Work on the system in DIR, for example a mounted image, instead of this machine (default: /)'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using diff' -l service -xka "(__creds_pam_services)" -d 'Work on the PAM service NAME'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using diff' -l json -d 'Print one JSON object'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using diff' -l only-add -d 'Insert lines only; never modify existing ones'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using diff' -l skip-root -d 'Skip the keyring rules for root, so that a hung keyring daemon cannot block root'"'"'s login'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using diff' -l strict -d 'Prove the change for every value that a module can return, instead of those that pam_gnome_keyring returns'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using diff' -l vendor -d 'Change the files of an image in /usr/lib/pam.d and /usr/lib/systemd, and no file in /etc'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using diff' -l color -xka "auto always never" -d 'Print colours always, never, or (auto, the default) at a terminal that shows colours if the variable NO_COLOR is not set'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using; and test $_shtab_creds__setup__pam_npos -eq 0' -a apply -d 'make the change'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using apply' -s h -l help -d 'Print this help and exit'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using apply' -s V -l version -d 'Print the version of creds-session and exit'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using apply' -l root -xka "(__fish_complete_directories)" -d 'Work on the system in DIR, for example a mounted image, instead of this machine (default: /)'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using apply' -l service -xka "(__creds_pam_services)" -d 'Work on the PAM service NAME'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using apply' -l json -d 'Print one JSON object'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using apply' -l only-add -d 'Insert lines only; never modify existing ones'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using apply' -l skip-root -d 'Skip the keyring rules for root, so that a hung keyring daemon cannot block root'"'"'s login'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using apply' -l strict -d 'Prove the change for every value that a module can return, instead of those that pam_gnome_keyring returns'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using apply' -l vendor -d 'Change the files of an image in /usr/lib/pam.d and /usr/lib/systemd, and no file in /etc'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using apply' -l color -xka "auto always never" -d 'Print colours always, never, or (auto, the default) at a terminal that shows colours if the variable NO_COLOR is not set'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using apply' -s n -l dry-run -d 'Show the change and make none'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using apply' -l complete -d 'Change nothing, and exit with 65, if a management group cannot have its rule'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using apply' -l try -xka "(__fish_complete_users)" -d 'First let libpam judge the password of USER, which is typed, with the changed files'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using apply' -l confirm-within -x -d 'Revert the change after TIME (such as 90s, 10m or 1h), unless somebody confirms it from a new login'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using; and test $_shtab_creds__setup__pam_npos -eq 0' -a rebase -d 'bring the rules to a newer file of the vendor'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using rebase' -s h -l help -d 'Print this help and exit'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using rebase' -s V -l version -d 'Print the version of creds-session and exit'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using rebase' -l root -xka "(__fish_complete_directories)" -d 'Work on the system in DIR, for example a mounted image, instead of this machine (default: /)'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using rebase' -l service -xka "(__creds_pam_services)" -d 'Work on the PAM service NAME'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using rebase' -l json -d 'Print one JSON object'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using rebase' -l only-add -d 'Insert lines only; never modify existing ones'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using rebase' -l skip-root -d 'Skip the keyring rules for root, so that a hung keyring daemon cannot block root'"'"'s login'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using rebase' -l strict -d 'Prove the change for every value that a module can return, instead of those that pam_gnome_keyring returns'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using rebase' -l color -xka "auto always never" -d 'Print colours always, never, or (auto, the default) at a terminal that shows colours if the variable NO_COLOR is not set'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using rebase' -l check -d 'Change nothing'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using rebase' -l confirm-within -x -d 'Revert the change after TIME (such as 90s, 10m or 1h), unless somebody confirms it from a new login'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using; and test $_shtab_creds__setup__pam_npos -eq 0' -a confirm -d 'keep a change that was made with --confirm-within'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using confirm' -s h -l help -d 'Print this help and exit'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using confirm' -s V -l version -d 'Print the version of creds-session and exit'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using confirm' -l root -xka "(__fish_complete_directories)" -d 'Work on the system in DIR, for example a mounted image, instead of this machine (default: /)'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using confirm' -l service -xka "(__creds_pam_services)" -d 'This option changes nothing here: the command works on the change as a whole, with every service that it changed'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using confirm' -l json -d 'Print one JSON object'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using confirm' -l untested -d 'Accept a login by SSH key as well, which does not show that a login with a password works'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using; and test $_shtab_creds__setup__pam_npos -eq 0' -a revert -d 'undo exactly what apply did'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using revert' -s h -l help -d 'Print this help and exit'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using revert' -s V -l version -d 'Print the version of creds-session and exit'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using revert' -l root -xka "(__fish_complete_directories)" -d 'Work on the system in DIR, for example a mounted image, instead of this machine (default: /)'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using revert' -l service -xka "(__creds_pam_services)" -d 'This option changes nothing here: the command works on the change as a whole, with every service that it changed'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using revert' -l json -d 'Print one JSON object'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using; and test $_shtab_creds__setup__pam_npos -eq 0' -a explain -d 'show the rules of a service as a tree, and what each does at a login'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using explain' -s h -l help -d 'Print this help and exit'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using explain' -s V -l version -d 'Print the version of creds-session and exit'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using explain' -l root -xka "(__fish_complete_directories)" -d 'Work on the system in DIR, for example a mounted image, instead of this machine (default: /)'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using explain' -l service -xka "(__creds_pam_services)" -d 'Show the PAM service NAME instead of sshd'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using explain' -l json -d 'Print one JSON object'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using explain' -l color -xka "auto always never" -d 'Print colours always, never, or (auto, the default) at a terminal that shows colours if the variable NO_COLOR is not set'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using explain' -l format -xka "text json dot svg" -d 'Print text (the default), JSON, a graph for Graphviz, or an SVG picture'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using explain' -l ascii -d 'Print text without box characters'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using explain' -l files -d 'Show which file libpam uses for the service and for each include, and which files of the same name are hidden by it'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using; and test $_shtab_creds__setup__pam_npos -eq 0' -a simulate -d 'show what one PAM call returns, rule by rule'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using simulate' -s h -l help -d 'Print this help and exit'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using simulate' -s V -l version -d 'Print the version of creds-session and exit'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using simulate' -l root -xka "(__fish_complete_directories)" -d 'Work on the system in DIR, for example a mounted image, instead of this machine (default: /)'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using simulate' -l service -xka "(__creds_pam_services)" -d 'Show the PAM service NAME instead of sshd'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using simulate' -l json -d 'Print one JSON object'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using simulate' -l call -xka "authenticate setcred acct_mgmt open_session close_session chauthtok" -d 'Simulate this call of libpam'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using simulate' -l returns -x -d 'Let a module return CODE, such as auth_err'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using; and test $_shtab_creds__setup__pam_npos -eq 0' -a judge -d 'say who is locked out or let in by a change'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using judge' -s h -l help -d 'Print this help and exit'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using judge' -s V -l version -d 'Print the version of creds-session and exit'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using judge' -l root -xka "(__fish_complete_directories)" -d 'Work on the system in DIR, for example a mounted image, instead of this machine (default: /)'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using judge' -l service -xka "(__creds_pam_services)" -d 'Compare the PAM service NAME only'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using judge' -l json -d 'Print one JSON object'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using judge' -l before -xka "(__fish_complete_directories)" -d 'The files before the change: a copy of /etc/pam.d, or a directory with etc/pam.d in it, and with usr/lib/pam.d if the files of the vendor shall be compared'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using judge' -l after -xka "(__fish_complete_directories)" -d 'The files after the change'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using; and test $_shtab_creds__setup__pam_npos -eq 0' -a help -d 'show this help, or the help of a command'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using help' -s h -l help -d 'Print this help and exit'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using help' -s V -l version -d 'Print the version of creds-session and exit'
complete -c creds-setup-pam -n '_shtab_creds__setup__pam_using help; and test $_shtab_creds__setup__pam_npos -eq 0' -ka "check diff apply rebase confirm revert explain simulate judge help" -d 'Show the help of this command'
