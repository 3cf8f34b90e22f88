#!/usr/bin/env bash
# Trains a small recogniser of spoken digit strings with fairseq's speech_to_text, decodes two test sets, and has all of
# it recorded: bash run.sh [--small] [--data RECORDINGS] [OUTPUT]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
python=${PYTHON:-python}
train=${FAIRSEQ_TRAIN:-fairseq-train}          # how fairseq's tools are called here
generate=${FAIRSEQ_GENERATE:-fairseq-generate}

prepare=() updates=700 sets=(test_clean test_noisy)
while [[ ${1:-} == --* ]]; do
    case $1 in
        --small) prepare+=(--small); updates=6 sets=(test_clean); shift ;;
        --data) prepare+=(--data "$2"); shift 2 ;;
        *) echo "usage: run.sh [--small] [--data RECORDINGS] [OUTPUT]" >&2; exit 2 ;;
    esac
done
output=${1:-digits}
mkdir -p "$output"

"$python" "$here/prepare.py" "$output" "${prepare[@]}"

task=(--task speech_to_text --config-yaml config_asr.yaml --max-tokens 8000 --max-source-positions 1000 --cpu --num-workers 0)

$train "$output/data" "${task[@]}" --train-subset train --valid-subset dev --save-dir "$output/checkpoints" \
    --arch s2t_transformer_xs --encoder-embed-dim 96 --encoder-ffn-embed-dim 256 --encoder-layers 3 --encoder-attention-heads 4 \
    --decoder-embed-dim 96 --decoder-ffn-embed-dim 256 --decoder-layers 1 --decoder-attention-heads 4 --conv-channels 128 \
    --dropout 0.2 --criterion label_smoothed_cross_entropy_with_ctc --ctc-weight 0.5 --label-smoothing 0.1 --report-accuracy \
    --optimizer adam --lr 1.5e-3 --lr-scheduler inverse_sqrt --warmup-updates 150 --clip-norm 5.0 \
    --max-update "$updates" --no-epoch-checkpoints --log-format json --log-interval 5 --seed 1 \
    --user-dir "$("$python" -m speech_tracker.integrations.fairseq)" \
    2>&1 | tee -a "$output/train.log"

for subset in "${sets[@]}"; do
    $generate "$output/data" "${task[@]}" --gen-subset "$subset" --path "$output/checkpoints/checkpoint_best.pt" \
        --beam 5 --max-len-b 12 --scoring wer --results-path "$output/results" > "$output/generate-$subset.log" 2>&1
done

# what fairseq-generate wrote joins the run that the flag began
"$python" -m speech_tracker.cli ingest fairseq "$output"
