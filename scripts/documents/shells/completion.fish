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
