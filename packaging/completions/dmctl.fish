# fish completion of dmctl(8)
# SPDX-License-Identifier: Apache-2.0
#
# Verbs and options come from dmctl's own help; names from keyd and the agent, silently where they do not
# answer.

# "volume create<TAB>Make a volume …", one a line
function __dmctl_verbs
    dmctl --help | string match -rg '^  ([a-z]+(?: [a-z-]+){0,2})  +(\S.*)' | paste - -
end

# Words typed so far that are no options, without dmctl.
function __dmctl_words
    set -l skip 0
    for word in (commandline -opc)[2..]
        if test $skip = 1
            set skip 0
        else if string match -qr -- '^(--(keyd|agent|fs|label|sector-size|key-bytes|cipher|wipe-signature|engine|volume|mount-point|serial|key|to-recipient|predicate|subject|name|passphrase-file|passphrase-fd|output|pubkey|ca|auth-file|after|realm|cdi-dir|plugin-dir|without-gate|lease|shared-read|on-lapse|on-revoke|on-lock|mount-options|discard|volumes|filter|file|format|since|until|event|outcome|fact|condition|timeout|from|env-file)|-o|-f)$' $word
            set skip 1
        else if not string match -q -- '-*' $word
            echo $word
        end
    end
end

# The verb's words: one, or more where there is a noun.
function __dmctl_verb
    set -l words (__dmctl_words)
    set -l verbs (__dmctl_verbs | cut -f 1)
    for n in 3 2 1
        if test (count $words) -ge $n; and contains -- "$words[1..$n]" $verbs
            string join \n -- $words[1..$n]
            return
        end
    end
end

function __dmctl_names
    dmctl $argv 2>/dev/null | tail -n +2 | string match -r '^\S+'
end

function __dmctl_containers
    docker ps -a --format '{{.Names}}' 2>/dev/null
    podman ps -a --format '{{.Names}}' 2>/dev/null
end

function __dmctl_files
    set -l token (commandline -ct)
    for path in $token*
        test -d $path; and echo $path/; or echo $path
    end
end

function __dmctl_devices
    for link in /dev/disk/by-id/*
        echo $link
    end
end

# What comes next that is not an option.
function __dmctl_arguments
    set -l words (__dmctl_words)
    set -l verb (__dmctl_verb)
    if test (count $verb) = 0
        set -l verbs (__dmctl_verbs)
        if test (count $words) = 0
            string match -v '* *	*' $verbs
            string match -rg '^([a-z]+) [a-z -]+	' $verbs | sort -u
        else
            string match -rg "^$words ([a-z-]+	.*)" $verbs
            string match -rg "^$words ([a-z-]+) [a-z-]+	" $verbs | sort -u
        end
        return
    end
    set -l n (math (count $words) - (count $verb) + 1)
    switch "$verb $n"
        case 'volume inspect 1' 'volume set 1' 'volume rm 1' 'volume rename 1' 'volume grow 1' 'volume maintain 1' 'volume key export 1' 'identity rm 1' 'identity ls 1' 'identity revoke 1' 'identity drain 1'
            __dmctl_names volume ls
        case 'volume header-backup 1' 'volume header-restore 1'
            __dmctl_names volume ls
        case 'volume create 2' 'volume header-restore 3'
            __dmctl_devices
        case 'signer rm 1' 'signer set 1'
            __dmctl_names signer ls
        case 'agents rm 1' 'agents set 1' 'agents certificate 1'
            __dmctl_names agents ls
        case 'identity revoke 2' 'identity drain 2'
            dmctl identity ls $words[3] 2>/dev/null | awk 'NR > 1 {print $2}'
        case 'lease revoke 1'
            __dmctl_names lease ls
        case 'identity measure 1' 'identity check 2' 'bind 2' 'inspect 1' 'wait 1'
            __dmctl_containers
        case 'why 1'
            __dmctl_containers
            __dmctl_names volume ls
        case 'bind 1'
            __dmctl_names volume ls
            __dmctl_devices
        case 'unbind 1'
            __dmctl_names ps
        case '*'
            __dmctl_files
    end
end

# "--fs<TAB>file system to make", from the verb's help
function __dmctl_options
    set -l verb (__dmctl_verb)
    dmctl $verb --help | string match -rg -- '^  (?:-[a-z], )?(--[a-z-]+)(?: \S+)?  +(\S.*)' | paste - -
    if test (count $verb) -gt 0
        printf '%s\t%s\n' --json 'print JSON' --keyd "keyd's socket" --agent "the agent's socket" --help help
    end
end

complete -c dmctl -f
complete -c dmctl -n 'string match -q -- "-*" (commandline -ct)' -a '(__dmctl_options)'
complete -c dmctl -n 'not string match -q -- "-*" (commandline -ct)' -a '(__dmctl_arguments)'
