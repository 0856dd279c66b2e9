class S:
    workers=None
s=S()
def settings(): return s
