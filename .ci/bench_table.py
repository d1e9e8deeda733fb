"""The table that benches print: CPU time of fluxwright and of a peer, and the goal."""


class Table:
    def __init__(self, title, peer):
        self.missed = []
        print(f"\n{title:<44}{'ours ms':>10}{f'{peer} ms':>14}{'measured':>11}  goal")

    def row(self, name, ours, peer, measured, goal, holds):
        shown = "" if peer is None else f"{peer * 1000:.1f}"
        print(f"{name:<44}{ours * 1000:>10.1f}{shown:>14}{measured:>11}  {goal}{'' if holds else '  MISSED'}", flush=True)
        if not holds:
            self.missed.append(name)
