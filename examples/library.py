"""Allow a name, run the main job, check 100,000 names, and print why one of them is blocked."""

import sys

import blocklist

bl = blocklist.Blocklist.open(sys.argv[1] if sys.argv[1:] else None)
bl.allow.add("help.prize-draw.made-up", reason="a charity on the same domain")
report = bl.run(progress=lambda event: print(event.text) if event.text else None)
names = [f"shop-{number}.example.org" for number in range(99_999)] + ["www.parcel-fee.made-up"]
for answer in bl.check(names):
    if answer.verdict is blocklist.Verdict.BLOCK:
        print(f"{answer.query} is blocked:", [listing.feed for listing in answer.listings])
        print(
            [f"{one.rule}: {one.matches}" for one in bl.explain(answer.query).rules if one.decided]
        )
sys.exit(not report.is_good)
