"""What `oca models` tells: the models on offer, as a table and as a document."""

from collections.abc import Sequence
from decimal import Decimal

from adapters.gateway.catalog import default_only, models_in
from config.container import Container
from domain.chat import Model
from domain.model_names import nearest_names
from domain.upstream_flows import list_models_flow
from domain.words import Text
from entrypoints.console import Console
from entrypoints.tables import Cell, columns, harmless

_PER_MILLION = 1_000_000
_NO_LIST = Text(
    "LLM_MODELS_API_URL is not set, so only LLM_MODEL_NAME is known.",
    "没有设置 LLM_MODELS_API_URL，所以只知道 LLM_MODEL_NAME。",
)
_HEADER = (
    Text("Model", "模型"),
    Text("Context", "上下文"),
    Text("Output", "最大输出"),
    Text("In/1M", "输入价/百万"),
    Text("Out/1M", "输出价/百万"),
    Text("Cached/1M", "缓存价/百万"),
    Text("Can", "能力"),
    Text("APIs", "接口"),
)
_NUMBERS = frozenset({1, 2, 3, 4, 5})


def show_models(container: Container, console: Console, *, as_json: bool) -> None:
    """Ask for the list, and show it. Raises TokenError, UpstreamError."""
    default = container.settings().llm_model_name or ""
    models = _models(container, console, default)
    if as_json:
        console.document(models_document(models, default))
    else:
        console.data(models_table(models, default, console))
    if default and default not in {model.id for model in models}:
        console.say(_unknown_default(default, models))


def _models(container: Container, console: Console, default: str) -> tuple[Model, ...]:
    upstream = container.upstream()
    if upstream.models_url is None:
        console.say(_NO_LIST)
        return default_only(default).models
    with console.working(Text("Asking for the models ...", "正在获取模型列表……")):
        flow = list_models_flow(container.credential(), upstream, upstream.models_url)
        return models_in(container.blocking_driver().run(flow)).models


def _unknown_default(default: str, models: Sequence[Model]) -> Text:
    near = nearest_names(default, [model.id for model in models])
    told = Text(
        f"Warning: LLM_MODEL_NAME is {default}, which is not in this list.",
        f"警告：LLM_MODEL_NAME 的值是 {default}，不在此列表中。",
    )
    return told + Text(f" Did you mean {' or '.join(near)}?", f"您要的是不是 {' 或 '.join(near)}？") if near else told


def models_document(models: Sequence[Model], default: str) -> dict[str, object]:
    """Every key is always there; null is what the upstream does not tell. Prices are per million tokens."""
    return {
        "default": default or None,
        "default_is_listed": default in {model.id for model in models},
        "models": [_entry(model, default) for model in models],
    }


def _entry(model: Model, default: str) -> dict[str, object]:
    facts = model.facts
    return {
        "id": model.id,
        "name": facts.name,
        "default": model.id == default,
        "owned_by": model.owned_by,
        "context_window": facts.context_window,
        "max_output_tokens": facts.max_output_tokens,
        "input_price_per_million": _price(facts.input_price),
        "output_price_per_million": _price(facts.output_price),
        "cached_price_per_million": _price(facts.cached_price),
        "caching_price_per_million": _price(facts.caching_price),
        "supports_vision": facts.supports_vision,
        "is_reasoning": facts.is_reasoning,
        "apis": list(facts.apis),
    }


def models_table(models: Sequence[Model], default: str, console: Console) -> str:
    """One line for each model, the default marked; columns of which nothing is known are left out."""
    rows = [_row(model, default, console) for model in models]
    told = [at for at in range(len(_HEADER)) if at == 0 or any(row[at].text for row in rows)]
    header = [console.told(_HEADER[at]) for at in told]
    numbers = frozenset(told.index(at) for at in _NUMBERS if at in told)
    table = columns(console, [[row[at] for at in told] for row in rows], header=header, numbers=numbers)
    if default not in {model.id for model in models}:
        return table
    return table + "\n\n" + console.told(Text("* the default (LLM_MODEL_NAME)", "* 默认模型（LLM_MODEL_NAME）"))


def _row(model: Model, default: str, console: Console) -> list[Cell]:
    facts = model.facts
    chosen = model.id == default
    able = [
        console.told(word)
        for word, able in (
            (Text("images", "图片"), facts.supports_vision),
            (Text("reasoning", "推理"), facts.is_reasoning),
        )
        if able
    ]
    return [
        Cell(harmless(f"{'* ' if chosen else '  '}{model.id}"), "bold green" if chosen else ""),
        Cell(_tokens(facts.context_window)),
        Cell(_tokens(facts.max_output_tokens)),
        Cell(_money(facts.input_price)),
        Cell(_money(facts.output_price)),
        Cell(_money(facts.cached_price)),
        Cell(", ".join(able)),
        Cell(harmless(", ".join(facts.apis))),
    ]


def _tokens(count: int | None) -> str:
    return "" if count is None else f"{count:,}"


def _price(per_token: Decimal | None) -> float | None:
    return None if per_token is None else float(per_token * _PER_MILLION)


def _money(per_token: Decimal | None) -> str:
    if per_token is None:
        return ""
    # Two digits, as prices have, and more where they matter.
    price = per_token * _PER_MILLION
    cents = f"{price:.2f}"
    return cents if Decimal(cents) == price else f"{price.normalize():f}"
