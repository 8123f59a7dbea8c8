"""Write the report: outcomes, contact sheets, timings and heads in, one page out."""

from pathlib import Path

from lib.evaluation import EvaluationOptions
from lib.export import origins
from lib.facemodel import load_face_model
from lib.log import stage_log
from lib.report import ReportOptions, read_status, summary, write_report


def main(inputs, outputs, params):
    model_file = inputs.model or params.face_model
    model = load_face_model(model_file)
    results = Path(outputs.page).parent
    write_report(
        results,
        params.batches,
        model,
        ReportOptions(**params.options),
        EvaluationOptions(**params.evaluation),
        [Path(file) for file in inputs.scores],
        origins(model_file, params.stages)["licences"],
    )
    Path(outputs.summary).write_text(summary(results, read_status(inputs.status)), encoding="utf-8")


if "snakemake" in globals():
    with stage_log(snakemake.log[0]):
        main(snakemake.input, snakemake.output, snakemake.params)
