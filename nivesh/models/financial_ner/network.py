"""The network in torch: encoder, spelling and lexicon features, convolutions over tokens, a linear-chain CRF."""

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from nivesh.models.financial_ner.features import LEXICON, TABLES
from nivesh.models.financial_ner.tags import allowed

SIZES = {"norm": 48, "sound": 48, "prefix": 24, "suffix": 24, "shape": 32}
WIDTH = 192


class TagNetwork(nn.Module):
    """Scores of tags per token.

    ``forward`` takes pieces (batch, pieces), piece_mask (batch, pieces), align (batch, tokens, pieces), attributes
    (batch, tokens, 5), lexicon (batch, tokens, LEXICON) and token_mask (batch, tokens, 1); it gives
    (batch, tokens, tags).
    """

    def __init__(self, encoder: Any, tags: Sequence[str], width: int = WIDTH, dropout: float = 0.3):
        super().__init__()
        self.encoder = encoder
        hidden = encoder.config.hidden_size
        self.tables = nn.ModuleList(nn.Embedding(TABLES[name], SIZES[name], padding_idx=0) for name in TABLES)
        self.listed = nn.Linear(LEXICON, 48)
        self.mix = nn.Linear(hidden + sum(SIZES.values()) + 48, width)
        self.depth = nn.Parameter(torch.zeros(encoder.config.num_hidden_layers + 1))
        self.layers = nn.ModuleList(nn.Conv1d(width, width, 3, padding=1) for _ in range(2))
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3))
        self.dropout = nn.Dropout(dropout)
        self.score = nn.Linear(width, len(tags))
        start, step, end = (torch.from_numpy(part) for part in allowed(tags))
        self.rules = (start, step, end)
        self.start, self.step, self.end = (nn.Parameter(torch.zeros_like(rule)) for rule in self.rules)

    def forward(
        self,
        pieces: Tensor,
        piece_mask: Tensor,
        align: Tensor,
        attributes: Tensor,
        lexicon: Tensor,
        token_mask: Tensor,
    ) -> Tensor:
        layers = self.encoder(input_ids=pieces, attention_mask=piece_mask, output_hidden_states=True).hidden_states
        # The highest layer was trained for whole sentences; lower ones know more of single words.
        states = sum(layer.float() * share for layer, share in zip(layers, self.depth.softmax(dim=0), strict=True))
        spelled = [table(attributes[:, :, i]) for i, table in enumerate(self.tables)]
        token = torch.cat([align @ states, *spelled, functional.gelu(self.listed(lexicon))], dim=-1)
        token = self.norms[0](functional.gelu(self.mix(self.dropout(token)))) * token_mask
        for layer, norm in zip(self.layers, self.norms[1:], strict=True):
            neighbours = functional.gelu(layer(token.transpose(1, 2)).transpose(1, 2))
            token = norm(token + self.dropout(neighbours)) * token_mask
        return cast(Tensor, self.score(self.dropout(token)))

    def transitions(self) -> tuple[Tensor, Tensor, Tensor]:
        """(start, step, end) added to the scores of a sequence of tags; forbidden ones are far below zero."""
        start, step, end = self.rules
        return self.start + start, self.step + step, self.end + end

    def loss(self, scores: Tensor, tags: Tensor, lengths: Tensor) -> Tensor:
        """Mean negative log-likelihood of the true tags (batch, tokens) of texts of these lengths."""
        start, step, end = self.transitions()
        rows = torch.arange(len(tags))
        alpha = start + scores[:, 0]
        path = start[tags[:, 0]] + scores[rows, 0, tags[:, 0]]
        for at in range(1, tags.shape[1]):
            on = at < lengths
            ahead = torch.logsumexp(alpha[:, :, None] + step, dim=1) + scores[:, at]
            alpha = torch.where(on[:, None], ahead, alpha)
            gain = step[tags[:, at - 1], tags[:, at]] + scores[rows, at, tags[:, at]]
            path = path + torch.where(on, gain, torch.zeros_like(gain))
        path = path + end[tags[rows, lengths - 1]]
        return (torch.logsumexp(alpha + end, dim=1) - path).mean()
