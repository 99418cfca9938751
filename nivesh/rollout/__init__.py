"""Canary rollouts of KServe InferenceServices in Standard mode, by traffic percentage.

``decisions.next_action(state, command)`` is pure; ``cluster`` talks to Kubernetes; ``execution`` runs a command to its
end. All state is kept in the InferenceService and in the objects that its controller creates, so a command may be
interrupted at any point and repeated from any machine.
"""
