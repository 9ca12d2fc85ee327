"""Training: a loop with callbacks, checkpoints that continue with the same bits, and a report with pictures."""

from autograd.train.callbacks import Callback, Checkpoint, EarlyStopping, TargetAccuracy
from autograd.train.checkpoint import load_checkpoint, save_checkpoint
from autograd.train.history import History
from autograd.train.metrics import ClassScores, accuracy, class_scores, confusion_matrix, most_confused
from autograd.train.progress import Progress
from autograd.train.report import Report
from autograd.train.summary import LayerInfo, format_summary, summarize
from autograd.train.trainer import Evaluation, Trainer

__all__ = [
    "Callback",
    "Checkpoint",
    "ClassScores",
    "EarlyStopping",
    "Evaluation",
    "History",
    "LayerInfo",
    "Progress",
    "Report",
    "TargetAccuracy",
    "Trainer",
    "accuracy",
    "class_scores",
    "confusion_matrix",
    "format_summary",
    "load_checkpoint",
    "most_confused",
    "save_checkpoint",
    "summarize",
]
