"""Why a metric moved: its tree, its dimensions, the few segments that stand out, data faults, and what coincides."""
