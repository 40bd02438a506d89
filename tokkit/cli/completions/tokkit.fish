function __tokkit_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l lines (env _TOKKIT_COMPLETE=fish $words[1] $words[2..-1] "$current" 2>/dev/null)
    if test (count $lines) -gt 1
        printf '%s\n' $lines[2..-1]
    end
    set -l option (string match --regex '^--[^=]+=' -- "$current")
    set -l path (string replace --regex '^--[^=]+=' '' -- "$current")
    switch "$lines[1]"
        case files
            __fish_complete_path "$path" | string replace --regex '^' -- "$option"
        case folders
            __fish_complete_directories "$path" | string replace --regex '^' -- "$option"
    end
end
complete --command tokkit --no-files --arguments '(__tokkit_complete)'
