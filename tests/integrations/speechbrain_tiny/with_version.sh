#!/usr/bin/env bash
# Run the adapter's tests with another version of SpeechBrain than the installed one, from the root of the repository:
#   tests/integrations/speechbrain_tiny/with_version.sh 1.0.0 [options of pytest]
# It goes in front of the installed one, and everything else stays as it is. SpeechBrain 1.0 calls a function that
# torchaudio has no more since 2.9: of 2.8 the Python parts are taken, which is all that is needed for files read otherwise.
set -euo pipefail
version=$1
shift
python=${PYTHON:-.venv/bin/python}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$python" -m pip install --quiet --no-deps --target "$folder" "speechbrain==$version"
case $version in
1.0.*)
    "$python" -m pip install --quiet --no-deps --target "$folder" torchaudio==2.8.0
    find "$folder" -name '*.so' -delete
    ;;
esac
PYTHONPATH=$folder "$python" -c 'import speechbrain; print("testing with SpeechBrain", speechbrain.__version__)'
PYTHONPATH=$folder "$python" -m pytest tests/integrations/test_speechbrain.py -q "$@"
