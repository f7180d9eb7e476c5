#!/bin/sh
# The main job on the sample office: ingest, ask, summarise. $RAG is the command to run, with its --home.
# Exit codes that belong to the story (3: some files could not be read; 1: not in the documents) are expected; any
# other ends the demo.
set -eu

colour= plain=
if [ -t 1 ]; then colour=$(printf '\033[36m') plain=$(printf '\033[0m'); fi

run() {
    expected=$1
    shift
    printf '\n%s$ rag %s%s\n' "$colour" "$*" "$plain"
    status=0
    $RAG "$@" || status=$?
    if [ "$status" -ne "$expected" ]; then
        printf 'The demo expected exit code %s and got %s.\n' "$expected" "$status" >&2
        exit 1
    fi
    [ "$status" -eq 0 ] || printf '(exit code %s, as expected)\n' "$status"
}

# The office holds a scan, which is read by OCR, and on purpose a locked file: nothing is skipped in silence.
run 3 ingest data/office
run 0 ask "How many characters must a password have?"
run 0 ask "How soon must a lost laptop be reported?"
run 1 ask "What does the canteen charge for lunch?"
run 0 summarize data/office/logs --out .demo/reports
printf '\n'
sed -n 1,20p .demo/reports/overall.md
printf '\nMore in .demo/reports, a page for each log. Try your own: %s ingest FOLDER, then %s ask "…"\n' "$RAG" "$RAG"
