#!/usr/bin/env bash
# An ESPnet recipe in one file: the stages of asr.sh with their numbers, without what only large corpora need
# (speed perturbation, sub-words, language model, several machines).
#
#   ./run.sh                                                                  # as ESPnet alone
#   ./run.sh --python "python3 -m speech_tracker.integrations.espnet"         # and everything is recorded
set -euo pipefail

recipe=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
python=python3          # asr.sh, tts.sh, ... have this option too, and use it without quotes as here
stage=1
stop_stage=13
nj=2                    # decoding jobs of a test set
small=false             # a minute, to see that it works; learns nothing
recordings=             # folder of {digit}_{speaker}_{index}.wav; without it speech is synthesized
test_sets="test-clean test-noisy"
asr_args=               # further options of asr_train

while [ $# -gt 0 ]; do
    case "$1" in
        --python|--stage|--stop_stage|--nj|--small|--recordings|--test_sets|--asr_args) printf -v "${1#--}" '%s' "$2"; shift 2 ;;
        *) echo "$0: unknown option $1" >&2; exit 2 ;;
    esac
done

log() { echo "$(date '+%H:%M:%S') $*"; }
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
asr_exp=exp/asr_train_asr_word
asr_stats_dir=exp/asr_stats_word
inference_tag=decode_asr
token_list=data/token_list/word/tokens.txt
score_types="wer:word cer:char" inference_args=
strings=2400 held_out=120
if "${small}"; then
    strings=72 held_out=12 nj=1 test_sets=test-clean score_types=wer:word
    asr_args="--max_epoch 2 --batch_size 12 --num_att_plot 0 ${asr_args}" inference_args="--maxlenratio -8"
fi

if [ ${stage} -le 1 ] && [ ${stop_stage} -ge 1 ]; then
    log "Stage 1: Data preparation"
    # not through ${python}, as the local/data.sh of a recipe is not
    python3 "${recipe}/prepare.py" --output data --strings ${strings} --held-out ${held_out} ${recordings:+--data "${recordings}"}
fi

if [ ${stage} -le 5 ] && [ ${stop_stage} -ge 5 ]; then
    log "Stage 5: Token list"
    ${python} -m espnet2.bin.tokenize_text --token_type word --input data/train/text --output "${token_list}" --field 2- \
        --write_vocabulary true --add_symbol "<blank>:0" --add_symbol "<unk>:1" --add_symbol "<sos/eos>:-1" 2> /dev/null
fi

_opts="--config ${recipe}/conf/train_asr.yaml --ngpu 0 --use_preprocessor true --token_type word --token_list ${token_list} "
_opts+="--train_data_path_and_name_and_type data/train/wav.scp,speech,sound --train_data_path_and_name_and_type data/train/text,text,text "
_opts+="--valid_data_path_and_name_and_type data/valid/wav.scp,speech,sound --valid_data_path_and_name_and_type data/valid/text,text,text "

if [ ${stage} -le 10 ] && [ ${stop_stage} -ge 10 ]; then
    log "Stage 10: Statistics; log in ${asr_stats_dir}/stats.log"
    mkdir -p "${asr_stats_dir}"
    # shellcheck disable=SC2086
    ${python} -m espnet2.bin.asr_train --collect_stats true ${_opts} --output_dir "${asr_stats_dir}" \
        --train_shape_file data/train/wav.scp --valid_shape_file data/valid/wav.scp > "${asr_stats_dir}/stats.log" 2>&1
fi

if [ ${stage} -le 11 ] && [ ${stop_stage} -ge 11 ]; then
    log "Stage 11: Training; log in ${asr_exp}/train.log"
    mkdir -p "${asr_exp}"
    for number in 2 1; do if [ -f "${asr_exp}/train.${number}.log" ]; then mv "${asr_exp}/train.${number}.log" "${asr_exp}/train.$((number + 1)).log"; fi; done
    if [ -f "${asr_exp}/train.log" ]; then mv "${asr_exp}/train.log" "${asr_exp}/train.1.log"; fi  # as espnet2.bin.launch does
    # shellcheck disable=SC2086
    ${python} -m espnet2.bin.asr_train ${_opts} --resume true --output_dir "${asr_exp}" \
        --normalize global_mvn --normalize_conf stats_file="${asr_stats_dir}/train/feats_stats.npz" \
        --train_shape_file "${asr_stats_dir}/train/speech_shape" --valid_shape_file "${asr_stats_dir}/valid/speech_shape" \
        ${asr_args} > "${asr_exp}/train.log" 2>&1
fi

if [ ${stage} -le 12 ] && [ ${stop_stage} -ge 12 ]; then
    for dset in ${test_sets}; do
        _logdir=${asr_exp}/${inference_tag}/${dset}/logdir
        log "Stage 12: Decoding of ${dset}; logs in ${_logdir}"
        mkdir -p "${_logdir}"
        jobs=()
        for job in $(seq "${nj}"); do
            awk -v n="${nj}" -v job="${job}" 'NR % n == job % n' "data/${dset}/wav.scp" > "${_logdir}/keys.${job}.scp"
        done
        for job in $(seq "${nj}"); do
            # shellcheck disable=SC2086
            ${python} -m espnet2.bin.asr_inference --config "${recipe}/conf/decode_asr.yaml" --batch_size 1 --ngpu 0 \
                --data_path_and_name_and_type "data/${dset}/wav.scp,speech,sound" --key_file "${_logdir}/keys.${job}.scp" \
                --asr_train_config "${asr_exp}/config.yaml" --asr_model_file "${asr_exp}/valid.acc.ave.pth" \
                --output_dir "${_logdir}/output.${job}" ${inference_args} > "${_logdir}/asr_inference.${job}.log" 2>&1 &
            jobs+=($!)
        done
        for job in "${jobs[@]}"; do wait "${job}"; done
        for file in token token_int score text; do
            cat "${_logdir}"/output.*/1best_recog/"${file}" | sort -k1 > "${asr_exp}/${inference_tag}/${dset}/${file}"
        done
    done
fi

if [ ${stage} -le 13 ] && [ ${stop_stage} -ge 13 ]; then
    for dset in ${test_sets}; do
        _dir=${asr_exp}/${inference_tag}/${dset}
        log "Stage 13: Scoring of ${dset}"
        for type in ${score_types}; do
            _scoredir=${_dir}/score_${type%%:*}
            mkdir -p "${_scoredir}"
            trn() {
                paste <(${python} -m espnet2.bin.tokenize_text -f 2- --input - --output - --token_type "${type#*:}" < "$1" 2> /dev/null) \
                      <(awk '{ print "(" $2 "-" $1 ")" }' "data/${dset}/utt2spk")
            }
            trn "data/${dset}/text" > "${_scoredir}/ref.trn" & jobs=($!)
            trn "${_dir}/text" > "${_scoredir}/hyp.trn" & jobs+=($!)
            for job in "${jobs[@]}"; do wait "${job}"; done
            if command -v sclite > /dev/null; then sclite=sclite; else sclite="sctk sclite"; fi  # Debian's name for it
            if command -v ${sclite%% *} > /dev/null; then
                ${sclite} -r "${_scoredir}/ref.trn" trn -h "${_scoredir}/hyp.trn" trn -i rm -o all stdout > "${_scoredir}/result.txt"
                grep -e Avg -e SPKR -m 2 "${_scoredir}/result.txt"
            else
                log "sclite is not installed: ${_scoredir} has ref.trn and hyp.trn, and no result.txt"
            fi
        done
    done
fi
