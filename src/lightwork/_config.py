class S:
    workers=None
s=S()
def settings(): return s
def configure(**k): raise SystemExit("placeholder")
