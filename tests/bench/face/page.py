"""The page with plots: one HTML file that needs nothing else. Chinese first, English beside it."""

from collections.abc import Sequence
from html import escape
from typing import Any

from tests.bench.face.plot import INK, Axis, Plot, rows
from tests.bench.face.tables import drawn_living, percent

PAD_LIMIT = 0.02
"""Acceptance per species that the product asks of itself on drawn attacks."""
_FLOOR = 1e-4
_FLATTERS = (
    "阈值取自同一批图片, 结果偏乐观; 盒子的限值不是。"
    " Thresholds were chosen on these very pictures, so they flatter; the box's own limit was not."
)

_HEAD = """<!doctype html>
<html lang="zh-CN"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>人脸验证评测 · Face verification, evaluated</title>
<style>
body{font:15px/1.5 system-ui,"Noto Sans CJK SC",sans-serif;max-width:1360px;margin:1.5rem auto;padding:0 1rem;color:#1f2328}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}small,.en{color:#57606a}
.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(430px,1fr));gap:1rem}
figure{margin:0;border:1px solid #d0d7de;border-radius:6px;padding:.6rem}figcaption{font-size:.9rem}
svg{width:100%;height:auto;font-size:12px}svg .grid{stroke:#d0d7de;stroke-width:1}
table{border-collapse:collapse;margin:.8rem 0}td,th{border:1px solid #d0d7de;padding:.25rem .6rem;text-align:right}td:first-child,th:first-child{text-align:left}
tr.own{font-weight:600}.synthetic{background:#fff8c5;border:2px solid #9a6700;padding:.6rem 1rem}
</style>
"""


def page(found: dict[str, Any]) -> str:
    """The whole page of a run: `machine`, and `faces` and `attacks` where they were measured."""
    machine = found["machine"]
    parts = [_HEAD, "<h1>人脸验证评测 <span class=en>Face verification, evaluated</span></h1>"]
    parts += [_banner(found[part]["synthetic"]) for part in ("faces", "attacks") if found.get(part, {}).get("synthetic")]
    parts.append(
        f"<p><small>{escape(machine['cpu_model'])} × {machine['cores']}, Linux {escape(machine['kernel'])},"
        f" Python {escape(machine['python'])}; {machine['took_s']} s</small></p>"
    )
    if "faces" in found:
        parts.append(_faces(found["faces"]))
    if "attacks" in found:
        parts.append(_attacks(found["attacks"]))
    return "\n".join(parts) + "\n</html>\n"


def _banner(text: str) -> str:
    return (
        f"<p class=synthetic><b>合成图像 · SYNTHETIC</b>: {escape(text)}<br>只证明流程可用, 不代表真实准确率。"
        " It proves the plumbing, never accuracy.</p>"
    )


def _faces(found: dict[str, Any]) -> str:
    taken, limit = found["pictures"], found["rule"]["limit"]
    about = [
        ("人数 people", taken["people"]), ("图片 pictures", taken["pictures"]),
        ("未找到人脸 without a face", taken["without_face"]), ("无法读取 unreadable", taken["unreadable"]),
        ("重复, 未计入 duplicates left out", taken["left_out_as_duplicates"]),
        ("采集失败率 failure to acquire", percent(taken["fta"])),
        ("登记失败率 failure to enrol", percent(found["enrolment"]["fte"])),
        ("按盒子照片检查 by the box's checks of stills", percent(found["enrolment"]["fte_checks"])),
        ("引擎 engine", found["engine"]["name"]), ("规则 rule", f"{found['rule']['source']}: ≤ {limit:g}, +{found['rule']['margin']:g}"),
        *((f"{name.removesuffix('_median_ms')} ms", found["latency"][name]) for name in found["latency"] if name.endswith("_median_ms")),
        ("内存峰值 peak memory MiB", found["memory"]["peak_rss_mib"]),
    ]  # fmt: skip
    plots = [
        *(_plots_of(name, found["curves"][key], found[key], limit) for name, key in (
            ("图对图 picture with picture", "pairs"), ("图对三张登记照 picture with three stills", "three_stills"))),
    ]  # fmt: skip
    return "\n".join(
        [
            f"<h2>{escape(found['folder'])}: 一比一 <span class=en>one to one</span></h2>",
            _table(("", ""), [(name, value) for name, value in about]),
            _table(
                ("", "真/假 genuine / impostor", "EER", "FNMR @ FMR 1 %", "FNMR @ FMR 0.1 %", f"FMR @ {limit:g}", f"FNMR @ {limit:g}"),
                [_curve_row(name, found[key]) for name, key in (("图对图 picture with picture", "pairs"), ("三张登记照 three stills", "three_stills"))],
            ),
            f"<p><small>{_FLATTERS}</small></p>",
            f"<div class=plots>{''.join(plots)}</div>",
            _identification(found["identification"]),
        ]
    )


def _curve_row(name: str, row: dict[str, Any]) -> tuple[object, ...]:
    return (
        name, f"{row['genuine']} / {row['impostor']}", percent(row["eer"]), percent(row["fnmr_at_fmr_1pct"]),
        percent(row["fnmr_at_fmr_0_1pct"]), percent(row["fmr"], row.get("fmr_95")), percent(row["fnmr"], row.get("fnmr_95")),
    )  # fmt: skip


def _plots_of(name: str, curve: dict[str, Any], row: dict[str, Any], limit: float) -> str:
    edges, top = curve["edges"], max([0.01, *curve["genuine"], *curve["impostor"]])
    spread = Plot(Axis("距离 distance", 0, edges[-1]), Axis("份额 share", 0, top, percent=True))
    spread.bars(edges, curve["genuine"], "同一人 genuine", INK[0])
    spread.bars(edges, curve["impostor"], "不同人 impostor", INK[1])
    spread.mark(limit, f"盒子限值 the box's limit {limit:g}")
    errors = Plot(Axis("阈值 threshold", 0, edges[-1]), Axis("错误率 error rate", 0, 1, percent=True))
    errors.line([(at, fnmr) for at, _, fnmr in curve["errors"]], "FNMR", INK[0])
    errors.line([(at, fmr) for at, fmr, _ in curve["errors"]], "FMR", INK[1])
    errors.mark(limit, f"盒子限值 the box's limit {limit:g}")
    det = Plot(
        Axis("FMR", _FLOOR, 1, log=True, percent=True), Axis("FNMR", _FLOOR, 1, log=True, percent=True)
    )  # fmt: skip
    det.line([(max(fmr, _FLOOR), max(fnmr, _FLOOR)) for _, fmr, fnmr in curve["errors"]], "DET", INK[2])
    if row["fmr"] is not None and row["fnmr"] is not None:
        det.dot(max(row["fmr"], _FLOOR), max(row["fnmr"], _FLOOR), f"盒子限值 limit {limit:g}", INK[4])
    return "".join(
        f"<figure>{plot.svg(f'{title}, {name}')}<figcaption>{escape(title)} · {escape(name)}</figcaption></figure>"
        for plot, title in (
            (spread, "距离分布 distances"), (errors, "错误率与阈值 errors by threshold"), (det, "DET 曲线 DET curve"),
        )
    )  # fmt: skip


def _identification(found: dict[str, Any]) -> str:
    head = "<h2>四人作业票中的识别 <span class=en>one of a permit's four</span></h2>"
    if not found["measured"]:
        return f"{head}<p>未测量 not measured: {escape(found['why'])}</p>"
    own = found["shipped"]
    body = [
        (f"{row['limit']:.2f} / +{row['margin']:.2f}", percent(row["fpir"], row["fpir_95"]), percent(row["fnir"], row["fnir_95"]), percent(row["mistaken"]))
        for row in found["by_limit"]
    ]
    marked = [(row["limit"], row["margin"]) == (own["limit"], own["margin"]) for row in found["by_limit"]]
    heads = ("限值/差距 limit / margin", "外人被接受 outsider accepted (FPIR)", "本人被拒 own face refused (FNIR)", "其中认成他人 taken for another")
    return f"{head}<p><small>{found['trials']} 次随机作业票 permits drawn, {found['stills']} 张登记照 stills</small></p>{_table(heads, body, marked)}"


def _attacks(found: dict[str, Any]) -> str:
    parts = [f"<h2>{escape(found['folder'])}: 呈现攻击 <span class=en>presentation attacks (ISO/IEC 30107-3)</span></h2>"]
    for way, about in found["ways"].items():
        if not about["measured"]:
            continue
        own = {name: row["ways"][way] for name, row in found["species"].items() if way in row["ways"]}
        body = [
            (
                name, "BPCER" if found["species"][name]["bona_fide"] else "IAPAR" if way == "system" else "APCER",
                row["presentations"], row["no_response"], row["asked"], row["wrong"], percent(row["rate"], tuple(row["rate_95"]) if row["rate_95"] else None),
            )
            for name, row in own.items()
        ]  # fmt: skip
        worst = about["apcer_max"]
        named = [
            (name, row["rate"], tuple(row["rate_95"]))
            for name, row in own.items() if row["rate"] is not None and not found["species"][name]["bona_fide"]
        ]  # fmt: skip
        parts += [
            f"<h3>{escape(about['zh'])} <span class=en>{escape(about['en'])}</span></h3>",
            f"<p>APCER(max) {percent(worst)} {escape(about['worst'] or '')}; BPCER {percent(about['bpcer'])} {escape(about['bpcer_why'])}</p>",
            _table(("类别 species", "", "件数 presentations", "无响应 no response", "次数 asked", "判错 wrong", "比率 rate (95 %)"), body),
        ]
        if named:
            parts.append(f"<div class=plots><figure>{rows(named, PAD_LIMIT, 'APCER')}<figcaption>APCER, 95 %</figcaption></figure></div>")
    if "drawn_living" in found:
        parts.append(_banner(drawn_living(found["drawn_living"])))
    return "\n".join(parts)


def _table(heads: Sequence[str], body: Sequence[Sequence[object]], marked: Sequence[bool] = ()) -> str:
    top = "".join(f"<th>{escape(head)}</th>" for head in heads) if any(heads) else ""
    lines = [f"<tr>{top}</tr>"] if top else []
    for index, row in enumerate(body):
        own = ' class="own"' if index < len(marked) and marked[index] else ""
        lines.append(f"<tr{own}>{''.join(f'<td>{escape(str(cell))}</td>' for cell in row)}</tr>")
    return f"<table>{''.join(lines)}</table>"
