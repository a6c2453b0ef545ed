# shellcheck shell=bash
# Completion of strongroom for bash. What can stand where is the program's to say.

_strongroom() {
	local answer
	COMPREPLY=()
	mapfile -t answer < <("$1" complete --line="${COMP_LINE:0:COMP_POINT}" \
		--breaks="$COMP_WORDBREAKS" 2>/dev/null)
	if [ "${answer[0]-}" = files ]; then
		compopt -o default -o bashdefault
		return
	fi
	COMPREPLY=("${answer[@]:1}")
	# A folder goes on.
	if [ "${answer[0]-}" = paths ] && [ "${#COMPREPLY[@]}" -eq 1 ] && [[ ${COMPREPLY[0]} == */ ]]; then
		compopt -o nospace
	fi
}
complete -F _strongroom strongroom
