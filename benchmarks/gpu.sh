#!/usr/bin/env bash
# Checks and times on a graphics card, in three parts of at most three minutes each:
#
#     benchmarks/gpu.sh 1      what tells most: every strategy against the processor in float64, memory
#                              that a recording reads, hostile modules, TF32, the tests that need CUDA
#     benchmarks/gpu.sh 2      the trial's table, a tiny MLP, a residual net on 50,000 images
#     benchmarks/gpu.sh 3      its curvature, training, live pictures
#     benchmarks/gpu.sh        all three
#
# Each part writes its tables to benchmarks/results/gpu_N.md and ends with 1 where a number is wrong
# or a time limit is passed. Without CUDA tiny sizes run on the processor, nothing is written there,
# and the end is 0 if all is right. PYTHON names the interpreter, RESULTS another folder.
set -u
cd "$(dirname "$0")/.." || exit 2
PYTHON=${PYTHON:-.venv/bin/python}
[ -x "$PYTHON" ] || PYTHON=$(command -v python3)
export PYTHONPATH="$PWD/app:$PWD${PYTHONPATH:+:$PYTHONPATH}"
parts=("$@")
[ $# -gt 0 ] || parts=(1 2 3)
for part in "${parts[@]}"; do
  case $part in 1 | 2 | 3) ;; *) echo "benchmarks/gpu.sh: a part is 1, 2 or 3; got $part" >&2 && exit 2 ;; esac
done

if ! "$PYTHON" -c 'import sys, torch; sys.exit(not torch.cuda.is_available())'; then
  echo "No CUDA here: tiny sizes on the processor, to try the checks themselves. Nothing is measured."
  exec "$PYTHON" benchmarks/bench_gpu.py --parts "${parts[@]}"
fi

folder=${RESULTS:-benchmarks/results}
mkdir -p "$folder" || exit 2
failed=0

section() { # part, name, seconds
  local began=$SECONDS
  timeout -k 5 "$3" "$PYTHON" benchmarks/bench_gpu.py --section "$2" --results "$folder/gpu_$1.md"
  local code=$?
  if [ $code -ne 0 ]; then
    failed=1
    [ $code -eq 124 ] && echo "**$2 did not end within $3 s.**" | tee -a "$folder/gpu_$1.md"
    [ $code -ne 124 ] && echo "**$2 failed.**" | tee -a "$folder/gpu_$1.md"
  fi
  echo "($2: $((SECONDS - began)) s)"
}

cuda_tests() { # part, seconds
  "$PYTHON" -c 'import pytest, pytest_timeout, hypothesis, jaxtyping' 2>/dev/null ||
    { echo "The tests that need CUDA were left out: pytest is not installed." | tee -a "$folder/gpu_$1.md" && return; }
  # shellcheck disable=SC2046 # names without spaces; others need no CUDA, and collecting takes long
  timeout -k 5 "$2" "$PYTHON" -m pytest -q -m gpu -p no:cacheprovider \
    $(grep -rl "pytest.mark.gpu" tests --include="test_*.py") 2>&1 | tee /dev/stderr | tail -1 >>"$folder/gpu_$1.md"
  [ "${PIPESTATUS[0]}" -eq 0 ] || failed=1
}

for part in "${parts[@]}"; do
  printf "# Graphics card, part %s\n\n" "$part" >"$folder/gpu_$part.md"
  case $part in
    1)
      section 1 strategies 45
      section 1 freed_memory 20
      section 1 hostile_modules 40
      section 1 tf32 25
      cuda_tests 1 45
      ;;
    2)
      section 2 trial 35
      section 2 tiny_mlp 25
      section 2 residual_net 45
      section 2 residual_net_whole 75
      ;;
    3)
      section 3 curvature 80
      section 3 training 45
      section 3 live_pictures 40
      ;;
  esac
done
exit $failed
