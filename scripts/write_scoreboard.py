"""Write the scoreboard: scores of batches and tables of benchmarks in, a table and a page out."""

from pathlib import Path

from lib.evaluation import EvaluationOptions, write_scoreboard
from lib.facemodel import load_face_model
from lib.log import stage_log
from lib.report import collect_scores, write_scoreboard_page


def main(inputs, outputs, params):
    options = EvaluationOptions(**params.options)
    model = load_face_model(inputs.model or params.face_model)
    scores = [Path(file) for file in inputs.scores]
    board, pictures = collect_scores(scores, model, options, inputs.benchmarks)
    write_scoreboard(outputs.table, board)
    write_scoreboard_page(Path(outputs.page), board, pictures)


if "snakemake" in globals():
    with stage_log(snakemake.log[0]):
        main(snakemake.input, snakemake.output, snakemake.params)
