"""Split printed text into numbers, durations and words. The table in README.md lists examples of each kind."""

import re

# Digits belong to a name (x1, H2O) next to these letters, which are Latin, Greek, Cyrillic or Armenian, but not next to
# letters of other scripts (第3章), many of which are written without spaces.
NAME = "A-Za-z_À-ÖØ-öø-֏"

START = rf"(?<![{NAME}\d.])"  # a number does not begin within a name, a number or a version
SIGN = r"[-+−]?"
EXPONENT = r"[eE][-+]?\d+"
WHOLE = r"(?>\d{1,3}(?:[,_]\d{3})+(?![\d_])|\d+)"
# A dot without digits after it belongs to the number (1.) where NumPy prints it: before a bracket, a comma, another
# element, an exponent or the imaginary unit. Elsewhere it ends a sentence.
FINAL_DOT = rf"\.(?=\s*[]),}}]|[-+]\d|{EXPONENT}|j(?![{NAME}\d])|\s+(?:[-+.\d]|nan|inf))"
DECIMAL = rf"(?>(?:{WHOLE}(?:\.\d+|{FINAL_DOT})|\.\d+)(?:{EXPONENT})?|{WHOLE}{EXPONENT})"
UNSIGNED = rf"(?:{DECIMAL}|{WHOLE})"
PART = rf"(?:{UNSIGNED}|nan|inf)"  # of a complex number

LARGE_UNIT = "(?:days?|hours?|hrs?|minutes?|mins?|d|h|m|小时|分钟|分)"
UNIT = (
    "(?:[mnuµμ]?s|[mnu]?secs?|(?:milli|micro|nano)?seconds?|minutes?|hours?|hrs?|毫?秒|分钟|小时"
    r"|(?:mins?|h)(?!\s*:|\s+[-+.\d]))"  # but not `min` before a value, as in "max 5 min 3"
)
CLOCK = r"\d+:\d\d(?::\d\d)?"
RATE = rf"(?:{UNSIGNED}|\?)\ ?(?:[^\W\d]*/s(?:ec(?:ond)?)?|s/[^\W\d]+)(?![{NAME}\d])"

TOKEN = re.compile(
    rf"""
    (?P<duration>                                                # is not compared
        {START}(?:{CLOCK}<(?:{CLOCK}|\?)|{CLOCK}(?=,\s+{RATE}))  # tqdm: 00:12<00:03 and 00:12, 3.1it/s
      | {START}{RATE}                                            # 3.1it/s, 2.5 s/it
      | (?<=\|)(?:[█-▏]+|\#+\d?)\ *(?=\|)                        # tqdm's bar, which is shorter next to a longer rate
      | {START}(?:\d+\ days?,?\ \+?)?\d+:\d\d:\d\d(?:\.\d+)?(?![\d:])  # 1:02:03, 1 day, 0:00:01.5
      | \btimedelta\([^)]*\)                                     # datetime.timedelta(seconds=3)
      | {START}(?:\d+\ ?{LARGE_UNIT}(?:,|\ and)?\ ?)*{UNSIGNED}\ ?{UNIT}(?![{NAME}\d=])  # 5 µs, 1min 2s
      | {START}{WHOLE}\ loops?(?=\ each|,\ best)                # %timeit: 100 loops each
    )
  | (?P<exact>
        \#\w+                                                    # an id or a color
      | {START}\d{{4}}-\d\d-\d\d(?:[T\ ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?)?  # a date, with or without a time
      | \bdatetime\.(?:date|time|datetime)\([^)]*\)
    )
  | (?P<decimal> {START}\({SIGN}{PART}[-+]{PART}j\) | {START}{SIGN}(?:  # Python prints (1+2j), but 2j
        (?:{PART}\ *[-+])?{PART}j(?![{NAME}\d])                  # in an array 1.  +2.j
      | {DECIMAL}(?!\.[{NAME}\d]|[{NAME}]*\d)                    # 0.5, 0.5nats, but not 1.9.1 and 1.0rc1
      | (?:nan|NaN|inf)(?![{NAME}\d])
    ))
  | (?P<integer> {START}{SIGN}{WHOLE}(?!\.?[{NAME}\d]))          # 3, 3层, but not 3rd, 0x7f and 3.txt
  | (?P<word> [{NAME}\d]+ | [^\W\d]+ | \S)
    """,
    re.VERBOSE,
)
