from apigauge.benchmarks.making.choose import MAX_PER_API, chosen


def row(api, instruction, output="1\n"):
    return {
        "id": instruction,
        "instruction": instruction,
        "api_call": f"{api}(x)",
        "program": "x",
        "output": [output],
    }


def test_an_api_has_a_few_items_and_all_in_one_split():
    rows = [row(f"a.f{api}", f"question {api} about thing {number} of kind {api}{number}")
            for api in range(40) for number in range(5)]  # fmt: skip
    kept, dropped = chosen(rows)
    counts, splits = {}, {}
    for one in kept:
        counts[one["api_call"]] = counts.get(one["api_call"], 0) + 1
        splits.setdefault(one["api_call"], set()).add(one["split"])
    assert set(counts.values()) == {MAX_PER_API}
    assert {len(one) for one in splits.values()} == {1}
    assert {split for one in splits.values() for split in one} == {"test", "train"}
    assert {one.reason for one in dropped} == {f"there are {MAX_PER_API} items of this API"}
    assert chosen(rows) == (kept, dropped)


def test_a_near_copy_goes_and_the_same_question_accepts_both_calls():
    text = "Return the length of a vector that is given as a list of its coordinates in the plane"
    kept, dropped = chosen([
        row("a.first", text),
        row("a.second", text),
        row("a.third", f"{text} please"),
        row("a.fourth", text, "2\n"),
        row("a.other", "Count the words of a text"),
    ])  # fmt: skip
    assert [(one["api_call"], one.get("accepted")) for one in kept] == [
        ("a.first(x)", ["a.second(x)"]),
        ("a.other(x)", None),
    ]
    assert {one.api: one.reason for one in dropped} == {
        "a.second": "its call is accepted as another answer to the same question",
        "a.third": "it is a near copy of another item",
        "a.fourth": "it is a near copy of another item",
    }


def test_nothing_to_train_on_is_close_to_a_question():
    """Close as `benchmarks check` has it: half of the question's trigrams."""
    tail = " of a list of numbers that may be empty or not"
    rows = [row(f"a.f{number}", f"Compute thing {number} and {number} {number}{tail}") for number in range(60)]
    kept, dropped = chosen(rows)
    assert {one["split"] for one in kept} == {"test"}
    assert "it is for training and close to an item that is asked" in {one.reason for one in dropped}
