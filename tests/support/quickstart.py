"""The verdicts that the example behind `make run` must give."""

ALLOWED = "help.prize-draw.made-up"
LAB = "203.0.113.16/28"

# (query, verdict, reason, the indicator that decides, its scope)
TABLE = [
    ("parcel-fee.made-up", "block", "listed", "parcel-fee.made-up", "subtree"),
    ("www.parcel-fee.made-up", "block", "listed", "parcel-fee.made-up", "subtree"),
    ("login.account-check.made-up", "block", "listed", "login.account-check.made-up", "exact"),
    ("account-check.made-up", "clear", "unlisted", None, None),
    ("x.login.account-check.made-up", "clear", "unlisted", None, None),
    ("refund-toll.made-up", "block", "listed", "refund-toll.made-up", "subtree"),
    ("our-company.made-up", "allow", "protected", "our-company.made-up", "subtree"),
    ("оur-company.made-up", "block", "listed", "xn--ur-company-dvi.made-up", "subtree"),
    ("printer.example", "allow", "protected", "printer.example", "subtree"),
    ("big-shop.made-up", "hold", "popular", "big-shop.made-up", "subtree"),
    ("free-pages.made-up", "hold", "shared-host", "free-pages.made-up", "subtree"),
    (
        "hxxps://free-pages[.]made-up/u/4711/login",
        "hold",
        "url-only",
        "https://free-pages.made-up/u/4711/login",
        "exact",
    ),
    ("prize-draw.made-up", "block", "listed", "prize-draw.made-up", "subtree"),
    (ALLOWED, "allow", "operator", ALLOWED, "subtree"),
    (f"x.{ALLOWED}", "allow", "operator", ALLOWED, "subtree"),
    ("lucky-coins.made-up", "block", "listed", "lucky-coins.made-up", "subtree"),
    ("cheap-loans.made-up", "clear", "unlisted", None, None),
    ("x.cheap-loans.made-up", "block", "listed", "cheap-loans.made-up", "below"),
    ("bank-update.made-up", "block", "listed", "bank-update.made-up", "exact"),
    ("www.bank-update.made-up", "clear", "unlisted", None, None),
    ("tax-office-form.made-up", "block", "listed", "tax-office-form.made-up", "subtree"),
    ("203.0.113.99", "allow", "protected", "203.0.113.0/24", "exact"),
    ("203.0.113.17", "block", "operator", LAB, "exact"),
    ("3ffe:b10c::1a", "block", "listed", "3ffe:b10c::10/124", "exact"),
    ("3ffe:b10c::99", "block", "listed", "3ffe:b10c::99", "exact"),
    ("3ffe:b10c::30", "clear", "unlisted", None, None),
    ("new-bakery.made-up", "clear", "weak", "new-bakery.made-up", "subtree"),
    ("search-engine.made-up", "clear", "unlisted", None, None),
    ("no name", None, "invalid", None, None),
]
