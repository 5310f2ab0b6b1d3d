#!/bin/sh
# Fits the published tables again (minutes): results/reference/laws/NAME.json (docs/LAWS.md).
# usage: reference_fits.sh [PROGRAM] [OUT]
set -eu
cd "$(dirname "$0")/.."
program=${1:-./run_experiment}
out=${2:-results/reference/laws}
data=experiments/data
mkdir -p "$out"

# refit NAME ARGUMENTS...
refit() {
  name=$1
  shift
  "$program" fit "$@" --json >"$out/.$name"
  mv "$out/.$name" "$out/$name.json"
  echo "$out/$name.json"
}

chinchilla=$data/chinchilla-epoch/svg_extracted_data.csv
columns='N=Model Size,D=Training FLOP/(6*N)'
refit chinchilla "$chinchilla" --law chinchilla --columns "$columns" \
  --where 'loss < 3.44' --profile E,alpha,beta
refit chinchilla_all "$chinchilla" --law chinchilla --columns "$columns"

quartet=$data/quartet-mxfp4/losses.csv
columns='N=N_nonembed,D=tokens_D,loss=c4_val_loss'
base='A=127445,alpha=.57852,B=465834,beta=.538877,gamma=.276416,E=1.34085'
refit quartet_base "$quartet" --law quartet --columns "$columns" --delta 1e-4 \
  --where 'forward_quant==BF16 && backward_quant==BF16'
refit quartet_gamma_1 "$quartet" --law quartet --columns "$columns" --delta 1e-4 --fix gamma=1 \
  --where 'forward_quant==BF16 && backward_quant==BF16'
refit quartet_forward "$quartet" --law quartet --columns "$columns" --delta 1e-4 \
  --by eff_N=forward_quant --fix "$base" --where 'forward_quant!=BF16 && backward_quant==BF16'
refit quartet_backward "$quartet" --law quartet --columns "$columns" --delta 1e-4 \
  --by eff_D=backward_quant --fix "$base" --where 'forward_quant==BF16 && backward_quant!=BF16'

quest=$data/quest-qat/runs.csv
kind='kind=w_bits+100*(a_quant==NoQuantizer && w_quant!=NoQuantizer)'
kind="$kind+200*(!(w_quant~Hadamard) && w_quant!=NoQuantizer)"
kind="$kind+300*(w_quant~FP4)+400*(w_quant~FourEight)"
refit quest "$quest" --law quest --columns "$columns,$kind" --delta inf --by eff=kind \
  --fix 'eff[16]=1' --profile E
refit quest_kumar "$quest" --law kumar_training --columns "$columns,$kind,P_w=w_bits,P_a=a_bits" \
  --where 'kind < 200' --delta inf \
  --compare kumar_training_written,effective_data,additive,multiplicative
