#!/usr/bin/env bash
# Makes a virtual environment in which Fairseq 0.12.2 trains on Python 3.11: bash environment.sh FOLDER CONSTRAINTS
# It needs an environment of its own: its OmegaConf and Hydra are of 2021, and pip 24.1 refuses their metadata.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
folder=$(realpath -m "$1")
pins=$(mktemp)
grep -v -i -E '^(cython|omegaconf|hydra-core|antlr4-python3-runtime|pip)==' "$2" > "$pins"
test -x "$folder/bin/python" || "${PYTHON:-python3.11}" -m venv "$folder"
pip="$folder/bin/pip --disable-pip-version-check -q"
$pip install "pip<24.1" uv
$pip install -c "$pins" torch
"$folder/bin/uv" pip install -q --python "$folder/bin/python" -c "$pins" setuptools wheel "cython<3" numpy cffi regex sacrebleu \
    tqdm bitarray scikit-learn pyyaml editdistance soundfile espeakng-loader orjson platformdirs psutil rich typer pytest
$pip install --no-deps -c "$pins" torchaudio
$pip install --no-deps omegaconf==2.0.6 hydra-core==1.0.7 antlr4-python3-runtime==4.8
find "$folder/lib" -path '*torchaudio*' -name '*.so' -delete   # they need CUDA libraries; the Python parts are enough
if ! test -d "$folder/fairseq"; then
    archive=$(mktemp -d)
    $pip download --no-deps --no-build-isolation --no-binary :all: fairseq==0.12.2 -d "$archive"
    rm -rf "$folder/fairseq.part"   # of a build that was interrupted
    mkdir "$folder/fairseq.part"
    tar xzf "$archive"/fairseq-0.12.2.tar.gz -C "$folder/fairseq.part" --strip-components 1
    # the whole build fails (the archive lacks a file); two modules are all that a training needs
    cp "$here/compile_two.py" "$folder/fairseq.part/"
    (cd "$folder/fairseq.part" && "$folder/bin/python" compile_two.py build_ext --inplace > build.log 2>&1) || { tail "$folder/fairseq.part/build.log"; exit 1; }
    mv "$folder/fairseq.part" "$folder/fairseq"
fi
"$folder/bin/uv" pip install -q --python "$folder/bin/python" --no-deps --no-build-isolation -e "$root"
rm -f "$pins"
