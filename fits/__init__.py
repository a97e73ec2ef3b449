"""The fits: what is fitted to which histogram, one JSON file per fit.

A fit file is an object with these keys; any other key is an error. Copy a shipped file, change it
and check it with `python -m tau3mu.fit FILE --check`.

- `schema_version`: 1.
- `name`: letters, digits and underscores; it also names the processor whose histogram is taken
  when a results folder has several.
- `title`, `description`: for people; the description may be left out.
- `histogram`: the histogram to fit, as the processor calls it.
- `observable`: its axis: `name`, `label`, `unit` (may be left out), `range` as [lower, upper] and
  the number of equal `bins`. Both must be those of the histogram.
- `parameters`: by name, each with its `value`, where the search begins, and either `limits` as
  [lower, upper] or `"fixed": true`. Two components share a parameter by naming the same one.
- `components`: by name, each with a `label` for plots, a `pdf`, the `parameters` of the pdf as
  {role: name of a parameter}, and the name of its `yield`, the number of entries in the range.
  A yield is a parameter that need not be listed: it then runs from 0 to twice the entries, and its
  first value is always taken from the data.
- `stages` (may be left out): fits of only the given `components` in only the given `ranges`, one
  after the other, for better first values of their shapes.
- `starts` (may be left out): the `number` of points from which the fit starts and the `seed` from
  which all but the first are drawn. The lowest minimum is the result; the others are listed in it.

The pdfs and their roles:

- `CrystalBall`: `mu`, `sigma`, `alpha`, `n`: a Gaussian with a power-law tail that begins `alpha`
  widths from the mean, on the left for positive and on the right for negative `alpha`.
- `Exponential`: `slope`: exp(slope * x).

They are integrated over the bins, exactly.
"""
