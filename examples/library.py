"""Allow a name, run the main job, check 100,000 names, and print why one of them is blocked."""

import blocklist

bl = blocklist.Blocklist.open()
bl.allow.add("help.prize-draw.made-up", reason="a charity on the same domain")
report = bl.run(progress=lambda event: print(event.text) if event.text else None)
print("every feed and export is good" if report.is_good else report)
names = [f"shop-{number}.example.org" for number in range(99_999)] + ["www.parcel-fee.made-up"]
for answer in bl.check(names):
    if answer.verdict is blocklist.Verdict.BLOCK:
        print(f"{answer.query} is blocked:", [listing.feed for listing in answer.listings])
        rules = bl.explain(answer.query).rules
        print([f"{rule.rule}: {rule.matches}" for rule in rules if rule.decided])
