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
# - _shtab_creds__doctor_cmdpath=(sub)command path seen so far
# - _shtab_creds__doctor_npos=number of positional arguments given after it
# - options are skipped based on _shtab_creds__doctor_opts_with_value & _shtab_creds__doctor_commands lists
function _shtab_creds__doctor_scan
  set -g _shtab_creds__doctor_cmdpath ''
  set -g _shtab_creds__doctor_npos 0
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
        if contains -- $t $_shtab_creds__doctor_opts_with_value
          set expect_value 1
        end
        continue
      case '*'
        if test $_shtab_creds__doctor_npos -eq 0
          set -l candidate $t
          if test -n "$_shtab_creds__doctor_cmdpath"
            set candidate "$_shtab_creds__doctor_cmdpath $t"
          end
          if contains -- $candidate $_shtab_creds__doctor_commands
            set -g _shtab_creds__doctor_cmdpath $candidate
            continue
          end
        end
        set -g _shtab_creds__doctor_npos (math $_shtab_creds__doctor_npos + 1)
    end
  end
end

# Condition helper: true if the current (sub)command path equals the given one.
function _shtab_creds__doctor_using
  _shtab_creds__doctor_scan
  test "$_shtab_creds__doctor_cmdpath" = "$argv"
end

set -g _shtab_creds__doctor_commands
set -g _shtab_creds__doctor_opts_with_value --color --explain --format --from --only --output --report --save --skip --timeout --user

complete -c creds-doctor -e
complete -c creds-doctor -f

complete -c creds-doctor -n _shtab_creds__doctor_using -s h -l help -d 'Print this help and exit'
complete -c creds-doctor -n _shtab_creds__doctor_using -s V -l version -d 'Print the version of creds-session and exit'
complete -c creds-doctor -n _shtab_creds__doctor_using -s v -l verbose -d 'Print every check with what it saw, and what the log says about the last login'
complete -c creds-doctor -n _shtab_creds__doctor_using -l format -xka "text json line nagios prometheus" -d 'Print text for a person (the default), one JSON object, one line for a shell prompt, the output of a Nagios plugin, or metrics for Prometheus'
complete -c creds-doctor -n _shtab_creds__doctor_using -l json -d 'Print one JSON object'
complete -c creds-doctor -n _shtab_creds__doctor_using -l color -xka "auto always never" -d 'Print colours always, never, or (auto, the default) at a terminal that shows colours if the variable NO_COLOR is not set'
complete -c creds-doctor -n _shtab_creds__doctor_using -l output -xka "(__fish_complete_path (commandline -ct))" -d 'Write to FILE instead of standard output (-)'
complete -c creds-doctor -n _shtab_creds__doctor_using -l report -xka "(__fish_complete_path (commandline -ct))" -d 'Also write an HTML page to FILE, which only you can read'
complete -c creds-doctor -n _shtab_creds__doctor_using -l save -xka "(__fish_complete_path (commandline -ct))" -d 'Write what was seen, without any secret, to FILE, which only you can read'
complete -c creds-doctor -n _shtab_creds__doctor_using -l anonymous -d 'With --save: leave out the names of the user and of the host'
complete -c creds-doctor -n _shtab_creds__doctor_using -l list -d 'List the checks and look at nothing'
complete -c creds-doctor -n _shtab_creds__doctor_using -l explain -xka "pam-file-malformed pam-module-not-installed pam-wrong-password-let-in pam-rule-unsafe facts-incomplete home-hung home-foreign home-absent home-denied home-not-of-account daemon-not-installed daemon-capabilities activation-missing activation-broken activation-other root-under-sudo runtime-directory-foreign runtime-directory-missing runtime-directory-open runtime-directory-unset user-manager-failed user-manager-absent container-without-init wsl-without-login bus-sandboxed processes-hidden selinux-refuses selinux-confined daemon-start-refused bus-stopped bus-absent bus-not-local bus-foreign bus-stale bus-unreachable bus-nested bus-unnamed secretstorage-missing backend-none backend-elsewhere ssh-socket-gone prompt-waiting prompt-impossible hook-off hook-absent keyrings-not-a-folder keyrings-foreign keyrings-unreadable keyrings-cannot-be-made home-read-only home-full keyrings-unwritable keyring-not-a-file keyring-foreign keyring-file-unreadable keyring-broken keyrings-open keyring-open unit-failed daemon-stopped daemon-hung daemon-impostor provider-foreign other-provider-locked other-provider daemon-split-brain daemon-without-secrets daemon-on-another-bus daemon-waiting daemon-gone daemon-other-home control-socket-gone daemon-several daemon-elsewhere control-variable-stale daemon-zombie pam-service-absent pam-rule-missing pam-only-if pam-option-misspelt pam-no-auto-start pam-rule-too-early pam-rule-ineffective pam-password-left-behind pam-starts-at-wrong-password pam-rule-repeated pam-password-asks passwd-leaves-keyring pam-files-unread first-login-fails pam-vendor-newer sshd-without-pam sshd-keyboard-interactive sshd-takes-no-password sshd-refuses-settings sshd-settings-unread secret-service-unowned keyring-absent keyring-ghost daemon-replaced login-password-refused login-password-lost login-without-password keyring-locked default-keyring-damaged other-keyring-damaged default-keyring-absent default-keyring-locked keyring-plaintext default-elsewhere secret-unreadable pam-other-service-unsafe pam-other-service-daemon pam-other-service-ineffective pam-other-services" -d 'Describe one check and look at nothing'
complete -c creds-doctor -n _shtab_creds__doctor_using -l only -xka "pam-file-malformed pam-module-not-installed pam-wrong-password-let-in pam-rule-unsafe facts-incomplete home-hung home-foreign home-absent home-denied home-not-of-account daemon-not-installed daemon-capabilities activation-missing activation-broken activation-other root-under-sudo runtime-directory-foreign runtime-directory-missing runtime-directory-open runtime-directory-unset user-manager-failed user-manager-absent container-without-init wsl-without-login bus-sandboxed processes-hidden selinux-refuses selinux-confined daemon-start-refused bus-stopped bus-absent bus-not-local bus-foreign bus-stale bus-unreachable bus-nested bus-unnamed secretstorage-missing backend-none backend-elsewhere ssh-socket-gone prompt-waiting prompt-impossible hook-off hook-absent keyrings-not-a-folder keyrings-foreign keyrings-unreadable keyrings-cannot-be-made home-read-only home-full keyrings-unwritable keyring-not-a-file keyring-foreign keyring-file-unreadable keyring-broken keyrings-open keyring-open unit-failed daemon-stopped daemon-hung daemon-impostor provider-foreign other-provider-locked other-provider daemon-split-brain daemon-without-secrets daemon-on-another-bus daemon-waiting daemon-gone daemon-other-home control-socket-gone daemon-several daemon-elsewhere control-variable-stale daemon-zombie pam-service-absent pam-rule-missing pam-only-if pam-option-misspelt pam-no-auto-start pam-rule-too-early pam-rule-ineffective pam-password-left-behind pam-starts-at-wrong-password pam-rule-repeated pam-password-asks passwd-leaves-keyring pam-files-unread first-login-fails pam-vendor-newer sshd-without-pam sshd-keyboard-interactive sshd-takes-no-password sshd-refuses-settings sshd-settings-unread secret-service-unowned keyring-absent keyring-ghost daemon-replaced login-password-refused login-password-lost login-without-password keyring-locked default-keyring-damaged other-keyring-damaged default-keyring-absent default-keyring-locked keyring-plaintext default-elsewhere secret-unreadable pam-other-service-unsafe pam-other-service-daemon pam-other-service-ineffective pam-other-services" -d 'Run only this check'
complete -c creds-doctor -n _shtab_creds__doctor_using -l skip -xka "pam-file-malformed pam-module-not-installed pam-wrong-password-let-in pam-rule-unsafe facts-incomplete home-hung home-foreign home-absent home-denied home-not-of-account daemon-not-installed daemon-capabilities activation-missing activation-broken activation-other root-under-sudo runtime-directory-foreign runtime-directory-missing runtime-directory-open runtime-directory-unset user-manager-failed user-manager-absent container-without-init wsl-without-login bus-sandboxed processes-hidden selinux-refuses selinux-confined daemon-start-refused bus-stopped bus-absent bus-not-local bus-foreign bus-stale bus-unreachable bus-nested bus-unnamed secretstorage-missing backend-none backend-elsewhere ssh-socket-gone prompt-waiting prompt-impossible hook-off hook-absent keyrings-not-a-folder keyrings-foreign keyrings-unreadable keyrings-cannot-be-made home-read-only home-full keyrings-unwritable keyring-not-a-file keyring-foreign keyring-file-unreadable keyring-broken keyrings-open keyring-open unit-failed daemon-stopped daemon-hung daemon-impostor provider-foreign other-provider-locked other-provider daemon-split-brain daemon-without-secrets daemon-on-another-bus daemon-waiting daemon-gone daemon-other-home control-socket-gone daemon-several daemon-elsewhere control-variable-stale daemon-zombie pam-service-absent pam-rule-missing pam-only-if pam-option-misspelt pam-no-auto-start pam-rule-too-early pam-rule-ineffective pam-password-left-behind pam-starts-at-wrong-password pam-rule-repeated pam-password-asks passwd-leaves-keyring pam-files-unread first-login-fails pam-vendor-newer sshd-without-pam sshd-keyboard-interactive sshd-takes-no-password sshd-refuses-settings sshd-settings-unread secret-service-unowned keyring-absent keyring-ghost daemon-replaced login-password-refused login-password-lost login-without-password keyring-locked default-keyring-damaged other-keyring-damaged default-keyring-absent default-keyring-locked keyring-plaintext default-elsewhere secret-unreadable pam-other-service-unsafe pam-other-service-daemon pam-other-service-ineffective pam-other-services" -d 'Leave this check out'
complete -c creds-doctor -n _shtab_creds__doctor_using -l user -xka "(__fish_complete_users)" -d 'Look at the session of USER'
complete -c creds-doctor -n _shtab_creds__doctor_using -l from -xka "(__fish_complete_path (commandline -ct))" -d 'Judge what --save wrote, on any machine'
complete -c creds-doctor -n _shtab_creds__doctor_using -l timeout -x -d 'Look for at most S seconds (default: 2.5)'
complete -c creds-doctor -n _shtab_creds__doctor_using -l fix -d 'Carry out the remedies that lose nothing and can be undone'
complete -c creds-doctor -n _shtab_creds__doctor_using -s n -l dry-run -d 'With --fix: show the remedies and do nothing'
complete -c creds-doctor -n _shtab_creds__doctor_using -s y -l yes -d 'With --fix: do not ask before a remedy'
