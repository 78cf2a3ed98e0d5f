# Shared by the scripts in ci/; sourced, not run. A part is one command with one line of result.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
jobs=${JOBS:-$(nproc)}
passed=0
failed=0
skipped=0
logs=build/log
mkdir -p "$logs"

# part NAME REPEAT COMMAND...: runs it with its output in a log; prints one line, and the log's tail when it failed.
# A command that returns 77 was skipped: the last line of its output says why. Always returns 0, so that `set -e` stays
# in force inside the command; what failed is counted.
part() {
    local name=$1 repeat=$2 log start code
    shift 2
    log=$logs/${name//[^a-zA-Z0-9_.-]/-}.log
    start=$SECONDS
    set +e
    (
        set -e
        "$@"
    ) >"$log" 2>&1
    code=$?
    set -e
    case $code in
        0)
            passed=$((passed + 1))
            printf 'OK      %-24s %4ss  %s\n' "$name" $((SECONDS - start)) "$(tail -n 1 "$log" | cut -c 1-110)"
            ;;
        77)
            skipped=$((skipped + 1))
            printf 'SKIPPED %-24s        %s\n' "$name" "$(tail -n 1 "$log")"
            ;;
        *)
            failed=$((failed + 1))
            printf 'FAILED  %-24s %4ss  repeat: %s\n' "$name" $((SECONDS - start)) "$repeat"
            tail -n "${TAIL:-40}" "$log" | sed 's/^/        /'
            ;;
    esac
}

# skip REASON: for use inside a part.
skip() {
    printf '%s\n' "$*"
    exit 77
}

have() { command -v "$1" >/dev/null 2>&1; }

# Files of the project: what git knows or would add, or everything outside build folders in an unpacked archive.
project_files() {
    if git -C "$root" rev-parse --is-inside-work-tree >/dev/null 2>&1; then
        git ls-files -z -co --exclude-standard | while IFS= read -r -d '' f; do
            if [ -f "$f" ]; then printf '%s\n' "$f"; fi
        done
    else
        find . -type f -not -path './build*' -not -path './.git/*' | sed 's,^\./,,'
    fi | sort
}

# add_counts "N passed, N failed, N skipped"
add_counts() {
    local p f s
    read -r p f s < <(sed -nE 's/^([0-9]+) passed, ([0-9]+) failed, ([0-9]+) skipped$/\1 \2 \3/p' <<<"$1")
    passed=$((passed + ${p:-0}))
    failed=$((failed + ${f:-0}))
    skipped=$((skipped + ${s:-0}))
}

# The last line of every script, and its exit code.
finish() {
    printf '%s passed, %s failed, %s skipped\n' "$passed" "$failed" "$skipped"
    [ "$failed" -eq 0 ]
}
