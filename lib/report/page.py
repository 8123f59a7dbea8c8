"""The parts of the page as HTML text; every word from outside is escaped."""

from __future__ import annotations

import html
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template
from urllib.parse import quote

from lib.report.status import StatusRow

PAGE = Path(__file__).parent / "page"

STAGES = {
    "import": ("Photos", "as they were read, upright"),
    "detect": ("Faces found", "box, roll and five points"),
    "landmarks": ("Landmarks", "orange: uncertain"),
    "skin": ("Bare skin", "in colour where skin is likely"),
    "parsing": ("Parts on the photos", "as masks or a network tell them"),
    "rig": (
        "Cameras",
        "triangulated points, errors drawn three times as long; where cameras stand",
    ),
    "regression": ("Aligned crops", "as a network sees them, with the points that it says"),
    "fit": ("Fitted head", "translucent clay over the photo, iBUG points in blue"),
    "parts": ("Parts of the face", "where the head shows them, with 106 landmarks"),
    "base": ("Base mesh", "fitted to all views, and how far it left the head model"),
    "surface": ("Measured surface", "as the views show it, and how sure it is"),
    "shade": ("Relief from shading", "photo; fitted head in grey; the same with its relief"),
    "highlights": ("Without highlights", "photo; where highlights are; without them"),
    "texture": ("Texture", "white in the corner: seen by the photo"),
    "albedo": ("Albedo", "the skin without the light of its photos"),
    "displacement": ("Fine relief", "the surface alone, and with pores and wrinkles over it"),
    "export": ("Heads", "textured, half turned and both profiles"),
    "scores": ("Errors", "in millimetres, of heads that have a truth"),
}


@dataclass(frozen=True)
class HeadCard:
    """What the page says about one finished head.

    Args:
        capture: its name.
        folder: the export folder, relative to the page.
        picture: `data:` URI; empty = none.
        numbers: (name, value) pairs.
        pack: data of its 3D view; empty = none.
    """

    capture: str
    folder: str
    picture: str
    numbers: tuple[tuple[str, str], ...]
    pack: str


def fill_page(title: str, **parts: str) -> str:
    """The whole page from its parts."""
    template = Template((PAGE / "report.html").read_text(encoding="utf-8"))
    return template.substitute(
        title=html.escape(title),
        style=(PAGE / "style.css").read_text(encoding="utf-8"),
        viewer=(PAGE / "viewer.js").read_text(encoding="utf-8"),
        **parts,
    )


def facts(entries: Sequence[tuple[str, str, bool]]) -> str:
    """The summary: (name, value, is it bad) of each number."""
    return "\n".join(
        f"<div{' class=bad' if bad else ''}><dt>{html.escape(name)}</dt>"
        f"<dd>{html.escape(value)}</dd></div>"
        for name, value, bad in entries
    )


def head_cards(cards: Sequence[HeadCard], others: Sequence[tuple[str, str]]) -> str:
    """A card per head, and a list of links (capture, folder) to the heads without one."""
    if not cards and not others:
        return '<div class="panel"><p class="hint none">No head was finished.</p></div>'
    text = '<div class="heads">\n' + "\n".join(map(_card, range(len(cards)), cards)) + "\n</div>"
    if others:
        rows = [(_cell(name, "name"), f"<td>{_links(folder)}</td>") for name, folder in others]
        text += (
            f'\n<details class="sheet panel"><summary>More heads<span>{len(others)} without '
            f"a 3D view in this page</span></summary>{_table(('Capture', 'Files'), rows)}</details>"
        )
    return text


def head_data(cards: Iterable[HeadCard], model_pack: str) -> str:
    """Data blocks of the 3D view."""
    blocks = [f'<script type="application/x-pack" id="head-model">{model_pack}</script>']
    blocks += [
        f'<script type="application/x-pack" id="head-{index}" data-head '
        f'data-name="{html.escape(card.capture)}">{card.pack}</script>'
        for index, card in enumerate(cards)
        if card.pack
    ]
    return "\n".join(blocks)


def error_section(groups: str) -> str:
    """The section of errors from the HTML of its groups."""
    return (
        '<section aria-labelledby="errors">\n<h2 id="errors">Errors</h2>\n'
        '<p class="hint">Distances to the truth that the sample sheet names, in millimetres. Blue '
        "lies too deep, red too far out, grey has no truth; where many views measured one, it is "
        "that surface. The average person and the model’s mean face know nothing of the photo "
        "and stand in the same place.</p>\n"
        f"{groups}\n</section>"
    )


def origins(parts: Mapping[str, str], commercial_use: str) -> str:
    """By which models and networks heads were made, and what their licences allow.

    Args:
        parts: name -> licence.
        commercial_use: a sentence; empty = nobody told.
    """
    told = ", ".join(f"{html.escape(name)} ({html.escape(text)})" for name, text in parts.items())
    text = f"<p>Made with {told}.</p>"
    if commercial_use:
        text += (
            f"\n<p>Commercial use of the heads: {html.escape(commercial_use)}; photos and people "
            'have rights of their own. <a href="provenance.json">Origin of every head</a></p>'
        )
    return text


def failure_table(rows: Sequence[StatusRow]) -> str:
    """Captures that failed, where and why."""
    if not rows:
        return '<div class="panel"><p class="none">Every capture reached the last stage.</p></div>'
    cells = [
        (
            _cell(row.capture, "name"),
            _cell(row.batch),
            _cell(row.stage),
            f'<td><span class="tag">{html.escape(row.outcome.replace("_", " "))}</span></td>',
            _cell(row.reason),
        )
        for row in rows
    ]
    names = ("Capture", "Batch", "Stage", "Outcome", "Reason")
    return f'<div class="panel">{_table(names, cells)}</div>'


def stage_sheets(stage: str, sheets: Sequence[tuple[str, str, str]]) -> str:
    """One stage's sheets: (batch, `data:` URI or empty, relative link to the file) of each."""
    title, hint = STAGES[stage]
    shown = "".join(
        f'<div class="scroll"><img alt="{html.escape(title)}, batch {html.escape(batch)}" '
        f'loading="lazy" src="{uri}"></div>'
        for batch, uri, _ in sheets
        if uri
    )
    links = ", ".join(
        f'<a href="{quote(link)}">{html.escape(batch)}</a>'
        for batch, uri, link in sheets
        if not uri
    )
    more = f"<p>Other batches: {links}</p>" if links else ""
    return (
        f'<details class="sheet panel" open><summary>{html.escape(title)}'
        f"<span>{html.escape(hint)}</span></summary>{shown}{more}</details>"
    )


def _card(index: int, card: HeadCard) -> str:
    picture = (
        f'<img alt="{html.escape(card.capture)}: photo, textured head, shape; the head turned" '
        f'loading="lazy" src="{card.picture}">'
    )
    numbers = "".join(
        f"<div><dt>{html.escape(name)}</dt><dd>{html.escape(value)}</dd></div>"
        for name, value in card.numbers
    )
    button = (
        f'<button type="button" class="main" data-open="head-{index}" hidden>View in 3D</button>'
        if card.pack
        else ""
    )
    return (
        f'<article class="head">{picture if card.picture else ""}<div class="text">'
        f"<h3>{html.escape(card.capture)}</h3>"
        f'<dl class="numbers">{numbers}</dl>'
        f'<div class="actions">{button}{_links(card.folder)}</div></div></article>'
    )


def _links(folder: str) -> str:
    files = (("GLB", "head.glb"), ("OBJ", "head.obj"), ("texture", "albedo.png"))
    return " ".join(f'<a href="{quote(folder)}/{file}">{name}</a>' for name, file in files)


def _cell(text: str, kind: str = "") -> str:
    return (
        f'<td class="{kind}">{html.escape(text)}</td>' if kind else f"<td>{html.escape(text)}</td>"
    )


def _table(names: Sequence[str], rows: Iterable[Sequence[str]], numbers: Iterable[int] = ()) -> str:
    right = set(numbers)
    text = io.StringIO()
    text.write('<div class="scroll"><table><thead><tr>')
    for index, name in enumerate(names):
        kind = ' class="number"' if index in right else ""
        text.write(f'<th scope="col"{kind}>{html.escape(name)}</th>')
    text.write("</tr></thead><tbody>")
    for row in rows:
        text.write("<tr>" + "".join(row) + "</tr>\n")
    text.write("</tbody></table></div>")
    return text.getvalue()
