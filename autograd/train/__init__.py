"""Training: a loop with callbacks, checkpoints that continue with the same bits, and a report with pictures."""

from autograd.train.callbacks import Callback, Checkpoint, CSVLog, EarlyStopping, TargetAccuracy, Unfreeze
from autograd.train.checkpoint import load_checkpoint, save_checkpoint
from autograd.train.history import History
from autograd.train.lr_finder import RateCurve, find_rate
from autograd.train.metrics import ClassScores, accuracy, class_scores, confusion_matrix, most_confused
from autograd.train.progress import Progress
from autograd.train.report import Report
from autograd.train.summary import LayerInfo, format_summary, summarize
from autograd.train.techniques import WeightAverage, balanced_weights, freeze, head_of
from autograd.train.tensorboard import TensorBoard
from autograd.train.trainer import Evaluation, Trainer

__all__ = [
    "CSVLog",
    "Callback",
    "Checkpoint",
    "ClassScores",
    "EarlyStopping",
    "Evaluation",
    "History",
    "LayerInfo",
    "Progress",
    "RateCurve",
    "Report",
    "TargetAccuracy",
    "TensorBoard",
    "Trainer",
    "Unfreeze",
    "WeightAverage",
    "accuracy",
    "balanced_weights",
    "class_scores",
    "confusion_matrix",
    "find_rate",
    "format_summary",
    "freeze",
    "head_of",
    "load_checkpoint",
    "most_confused",
    "save_checkpoint",
    "summarize",
]
