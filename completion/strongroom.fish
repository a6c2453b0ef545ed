# Completion of strongroom for fish. What can stand where is the program's to say.

function __strongroom_complete
    set -l words (commandline -opc)
    set -l last (commandline -ct)
    set -l answer ($words[1] complete -- $words[2..-1] $last 2>/dev/null)
    if test "$answer[1]" = files
        # Behind "--db=" the name of a file begins.
        set -l option "$(string match -r -- '^--[^=]*=' $last)"
        for name in (__fish_complete_path (string replace -r -- '^--[^=]*=' '' $last))
            echo -- $option$name
        end
    else if set -q answer[2]
        printf '%s\n' $answer[2..-1]
    end
end
complete -c strongroom -f -a '(__strongroom_complete)'
