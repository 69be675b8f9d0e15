"""From the bytes of a snapshot to indicators: one small module a format, one registry.

Every line ends as an indicator, a comment or a refusal with a reason, and the counts add up.
"""

from blocklist.parse.detect import detect_format
from blocklist.parse.format import ParseOptions
from blocklist.parse.parsed import ParseResult
from blocklist.parse.parser import parse_snapshot
from blocklist.parse.registry import FORMATS

__all__ = ["FORMATS", "ParseOptions", "ParseResult", "detect_format", "parse_snapshot"]
