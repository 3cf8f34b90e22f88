"""The assignment problem: which hypothesis speaker stands for which reference speaker."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def assign(gain: npt.NDArray[np.float64]) -> list[tuple[int, int]]:
    """Return the pairs (row, column) of a one-to-one assignment with the largest sum of gains.

    Rows or columns that would add nothing stay unassigned.

    Args:
        gain: shape (rows, columns), 0 or more.

    Source: H. W. Kuhn, "The Hungarian method for the assignment problem", Naval Research Logistics Quarterly 1955, with
    shortest augmenting paths and potentials.
    """
    rows, columns = gain.shape
    if rows > columns:
        return sorted((row, column) for column, row in assign(gain.T))
    cost = np.zeros((rows + 1, columns + 1))
    cost[1:, 1:] = -gain
    row_potential, column_potential = np.zeros(rows + 1), np.zeros(columns + 1)
    owner = np.zeros(columns + 1, dtype=np.int64)  # row of each column; 0 stands for none
    for row in range(1, rows + 1):
        owner[0] = row
        column = 0
        shortest = np.full(columns + 1, np.inf)
        came_from = np.zeros(columns + 1, dtype=np.int64)
        visited = np.zeros(columns + 1, dtype=bool)
        while owner[column]:
            visited[column] = True
            current = owner[column]
            reduced = cost[current] - row_potential[current] - column_potential
            closer = ~visited & (reduced < shortest)
            closer[0] = False
            shortest[closer] = reduced[closer]
            came_from[closer] = column
            following = int(np.argmin(np.where(visited, np.inf, shortest)))
            step = shortest[following]
            row_potential[owner[visited]] += step
            column_potential[visited] -= step
            shortest[~visited] -= step
            column = following
        while column:
            owner[column] = owner[came_from[column]]
            column = int(came_from[column])
    return sorted(
        (int(owner[column]) - 1, column - 1)
        for column in range(1, columns + 1)
        if owner[column] and gain[owner[column] - 1, column - 1] > 0
    )
