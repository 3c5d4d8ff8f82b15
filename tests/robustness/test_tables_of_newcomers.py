"""Tables as people first bring them: names twice, columns of nothing or of one value."""

import numpy as np
import pytest

import mixot
from mixot import AccuracyWarning, InputError, Samples
from mixot.io import read_table


def table(tmp_path, name, header, rows):
    path = tmp_path / name
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def test_names_that_stand_twice_are_not_looked_at_and_this_is_told(tmp_path):
    path = table(tmp_path, "t.csv", "height,height", ["1,2", "3,4"])
    found = read_table(path)
    assert found.names is None
    said = "several columns are called 'height': coordinates go by position, and names are not looked at"
    assert found.notes == (said,)
    with pytest.warns(AccuracyWarning, match="several columns are called 'height'"):
        assert mixot.read(path).columns is None


def test_a_column_is_asked_for_once(tmp_path):
    path = table(tmp_path, "t.csv", "height,weight", ["1,2", "3,4"])
    with pytest.raises(InputError, match=r"t\.csv: the column 'height' is asked for twice; name each column once"):
        read_table(path, columns=["height", "weight", "height"])


def test_a_column_without_any_value_is_left_out_not_filled(tmp_path):
    said = r"there is no value at all in column 'none': leave it out \(--columns, or columns=\[...\] in Python\)"
    path = table(tmp_path, "t.csv", "height,none", ["1,", "3,NA"])
    with pytest.raises(InputError, match=rf"t\.csv: every cell must .* in column .none. on 2 lines: 2, 3; {said}"):
        read_table(path)
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    frame = pandas.DataFrame({"height": [1.0, 2.0], "none": [np.nan] * 2, "gaps": [1.0, np.nan]})
    frame.to_parquet(tmp_path / "t.parquet")
    with pytest.raises(InputError, match=rf"t\.parquet: column 'none', 'gaps' must be finite, got .*; {said}"):
        read_table(tmp_path / "t.parquet")
    with pytest.raises(InputError, match=r"column 'gaps' must be finite, got NaN or infinity in 1 rows \(counted"):
        read_table(tmp_path / "t.parquet", columns=["height", "gaps"])


@pytest.mark.parametrize("law", ["gaussian", "student"])
def test_a_column_of_one_value_is_called_by_its_name(law, rng):
    points = np.column_stack([rng.standard_normal(40), np.full(40, 3.0)])
    for columns, name in ((["u", "v"], "'v'"), (None, "1")):
        with pytest.warns(AccuracyWarning, match="constant columns"):
            found = mixot.fit(Samples(points, columns=columns), law, k=1, rng=0)
        assert any(note.startswith(f"constant columns: {name} (value 3)") for note in found.notes)
