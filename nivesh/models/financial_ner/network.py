"""The network in torch: encoder, spelling and lexicon features, convolutions over tokens, a linear-chain CRF."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from nivesh.models.financial_ner.features import LEXICON, TABLES
from nivesh.models.financial_ner.tags import TAGS, allowed

SIZES = {"norm": 48, "sound": 48, "prefix": 24, "suffix": 24, "shape": 32}
WIDTH = 192


class Tagger(nn.Module):
    """Scores of tags per token.

    ``forward`` takes pieces (batch, pieces), piece_mask (batch, pieces), align (batch, tokens, pieces), attributes
    (batch, tokens, 5), lexicon (batch, tokens, LEXICON) and token_mask (batch, tokens, 1); it gives
    (batch, tokens, tags).
    """

    def __init__(self, encoder: nn.Module, width: int = WIDTH, dropout: float = 0.3):
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
        self.score = nn.Linear(width, len(TAGS))
        start, step, end = (torch.from_numpy(part) for part in allowed())
        for name, rule in (("start", start), ("step", step), ("end", end)):
            self.register_buffer(f"{name}_rule", rule)
            setattr(self, name, nn.Parameter(torch.zeros_like(rule)))

    def forward(self, pieces, piece_mask, align, attributes, lexicon, token_mask) -> Tensor:
        layers = self.encoder(input_ids=pieces, attention_mask=piece_mask, output_hidden_states=True).hidden_states
        # The highest layer was trained for whole sentences; lower ones know more of single words.
        states = sum(layer.float() * share for layer, share in zip(layers, self.depth.softmax(dim=0), strict=True))
        spelled = [table(attributes[:, :, i]) for i, table in enumerate(self.tables)]
        token = torch.cat([align @ states, *spelled, functional.gelu(self.listed(lexicon))], dim=-1)
        token = self.norms[0](functional.gelu(self.mix(self.dropout(token)))) * token_mask
        for layer, norm in zip(self.layers, self.norms[1:], strict=True):
            seen = functional.gelu(layer(token.transpose(1, 2)).transpose(1, 2))
            token = norm(token + self.dropout(seen)) * token_mask
        return self.score(self.dropout(token))

    def transitions(self) -> tuple[Tensor, Tensor, Tensor]:
        """(start, step, end) added to the scores of a sequence of tags; what may not be is far below zero."""
        return self.start + self.start_rule, self.step + self.step_rule, self.end + self.end_rule

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
