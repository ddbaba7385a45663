"""From a typed change to the platform's own words: one function a kind, no decisions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import singledispatch
from pathlib import Path
from typing import Any, Protocol

from flywheel_assets.core.changes import (
    CreateAd,
    CreateAdSet,
    CreateCampaign,
    CreateCreative,
    SetBudget,
    SetName,
    SetStatus,
    SetTargeting,
    Spec,
    UploadImage,
    UploadVideo,
)
from flywheel_assets.core.errors import PermanentError, TransientError
from flywheel_assets.core.uploads import UploadSession
from flywheel_assets.execution.platform import AdPlatform, CreateEdge, Edge

# Where an object of each kind is listed, to find it again by its tag.
EDGES: dict[str, Edge] = {
    "create_campaign": "campaigns",
    "create_adset": "adsets",
    "upload_video": "advideos",
    "upload_image": "adimages",
    "create_creative": "adcreatives",
    "create_ad": "ads",
}


def tagged(name: str, tag: str) -> str:
    """A name with the token by which its object is found again."""
    return f"{name} [{tag}]"


class Files(Protocol):
    """Stored files as local paths."""

    def local(self, uri: str) -> Path:
        """A local path with the bytes of ``uri``."""
        ...


@dataclass(frozen=True)
class Upload:
    """A video on its way over several attempts."""

    resume: UploadSession | None
    progress: Callable[[UploadSession], None]


@dataclass(frozen=True)
class Call:
    """Everything one call needs beside its spec.

    Attributes:
        platform: the account's client.
        files: where renders and covers lie.
        ids: remote ids of the objects the spec refers to, and of its own object if it exists.
        own_ref: reference of the object that is created or changed.
        tag: put into the name of a new object, so that it can be found again.
        target_budget: minor units after fuzz and limits.
        upload: where an earlier attempt's upload was cut off, and whom to tell how far this one is.
        held: raises when the change may be another worker's by now. Asked right before the write:
            whatever comes before it, such as fetching a file, may take longer than the lease.
    """

    platform: AdPlatform
    files: Files
    ids: Mapping[str, str]
    own_ref: str
    tag: str
    target_budget: int | None
    upload: Upload
    held: Callable[[], None]

    def tagged(self, name: str) -> str:
        """The object's name at the platform."""
        return tagged(name, self.tag)

    def local(self, uri: str) -> Path:
        """A stored file as a local path.

        Raises:
            PermanentError: it is gone, so no repetition can send it.
            TransientError: it cannot be read just now; nothing was sent.
        """
        try:
            return self.files.local(uri)
        except FileNotFoundError as gone:
            raise PermanentError(f"{self.own_ref}: {gone}") from gone
        except Exception as error:
            # Every storage has errors of its own; whatever it is, the platform was not asked.
            raise TransientError(f"{self.own_ref}: {uri} cannot be read: {type(error).__name__}: {error}") from error

    def create(self, edge: CreateEdge, params: Mapping[str, Any]) -> str:
        """Make the object; its id."""
        self.held()
        return self.platform.create(edge, params)

    def update(self, params: Mapping[str, Any]) -> None:
        """Change the object."""
        self.held()
        self.platform.update(self.ids[self.own_ref], params)


@singledispatch
def perform(spec: Spec, _call: Call) -> str | None:
    """Make the call; the new object's id, or None for a change of an existing one."""
    raise TypeError(f"no call is defined for {type(spec).__name__}")


@perform.register
def _(spec: CreateCampaign, call: Call) -> str:
    return call.create(
        "campaigns",
        {
            "name": call.tagged(spec.name),
            "objective": spec.objective,
            "special_ad_categories": list(spec.special_ad_categories),
            "status": "PAUSED",
            # Required since v24; True would let the platform move a fifth of a budget on its own.
            "is_adset_budget_sharing_enabled": False,
        },
    )


@perform.register
def _(spec: CreateAdSet, call: Call) -> str:
    params: dict[str, Any] = {
        "name": call.tagged(spec.name),
        "campaign_id": call.ids[spec.campaign],
        "daily_budget": call.target_budget,
        "billing_event": "IMPRESSIONS",
        "bid_strategy": "LOWEST_COST_WITHOUT_CAP",
        "optimization_goal": spec.optimization_goal,
        "promoted_object": spec.promoted_object,
        "targeting": spec.targeting,
        "status": "ACTIVE",
    }
    return call.create("adsets", params)


@perform.register
def _(spec: UploadVideo, call: Call) -> str:
    way, path = call.upload, call.local(spec.uri)
    call.held()
    return call.platform.upload_video(path, call.tagged(spec.name), resume=way.resume, progress=way.progress)


@perform.register
def _(spec: UploadImage, call: Call) -> str:
    path = call.local(spec.uri)
    call.held()
    return call.platform.upload_image(path, call.tagged(spec.name))


@perform.register
def _(spec: CreateCreative, call: Call) -> str:
    video_data = {
        "video_id": call.ids[spec.video],
        "image_hash": call.ids[spec.image],
        "message": spec.message,
        "title": spec.title,
        "call_to_action": {"type": spec.call_to_action, "value": {"link": spec.link}},
    }
    story = {"page_id": spec.page_id, "video_data": video_data}
    params = {"name": call.tagged(spec.name), "object_story_spec": story, "url_tags": spec.url_tags}
    return call.create("adcreatives", params)


@perform.register
def _(spec: CreateAd, call: Call) -> str:
    params = {
        "name": call.tagged(spec.name),
        "adset_id": call.ids[spec.adset],
        "creative": {"creative_id": call.ids[spec.creative]},
        "status": "ACTIVE",
    }
    return call.create("ads", params)


@perform.register
def _(spec: SetStatus, call: Call) -> None:
    call.update({"status": spec.status})


@perform.register
def _(spec: SetTargeting, call: Call) -> None:
    call.update({"targeting": spec.targeting})


@perform.register
def _(spec: SetName, call: Call) -> None:
    call.update({"name": call.tagged(spec.name)})


@perform.register
def _(spec: SetBudget, call: Call) -> None:
    del spec  # the amount was decided under the limits
    call.update({"daily_budget": call.target_budget})


def references(spec: Spec) -> tuple[str, ...]:
    """Local references of other objects that the call will need ids of."""
    match spec:
        case CreateAdSet(campaign=campaign):
            return (campaign,)
        case CreateCreative(video=video, image=image):
            return (video, image)
        case CreateAd(adset=adset, creative=creative):
            return (adset, creative)
        case _:
            return ()
