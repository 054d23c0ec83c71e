"""Accounts, models, their versions, deployments and collections as JSON."""

from typing import Any

from replicate_emulator import times
from replicate_emulator.models import MADE_AT, Collection, Deployment, Model


def account_json(username: str) -> dict[str, Any]:
    """An account by that name."""
    return {
        "type": "user",
        "username": username,
        "name": "The local Replicate",
        "github_url": "https://github.com/replicate",
    }


def model_json(model: Model) -> dict[str, Any]:
    """A model with its latest version, if it has any."""
    return {
        "url": f"https://replicate.com/{model.full_name}",
        "owner": model.owner,
        "name": model.name,
        "description": model.description,
        "visibility": model.visibility,
        "is_official": model.official,
        "github_url": model.links.get("github_url"),
        "paper_url": model.links.get("paper_url"),
        "license_url": model.links.get("license_url"),
        "run_count": 0,
        "cover_image_url": model.links.get("cover_image_url"),
        "default_example": None,
        "latest_version": version_json(model) if model.has_version else None,
    }


def version_json(model: Model) -> dict[str, Any]:
    """The model's one version, with its input and output schemas."""
    return {
        "id": model.version,
        "created_at": times.write(MADE_AT),
        "cog_version": "0.16.0",
        "openapi_schema": model.openapi_schema(),
    }


def deployment_json(deployment: Deployment) -> dict[str, Any]:
    """A deployment with its current release."""
    return {
        "owner": deployment.owner,
        "name": deployment.name,
        "current_release": {
            "number": deployment.number,
            "model": deployment.model.full_name,
            "version": deployment.model.version,
            "created_at": times.write(deployment.created),
            "created_by": account_json(deployment.owner),
            "configuration": {
                "hardware": deployment.hardware,
                "min_instances": deployment.min_instances,
                "max_instances": deployment.max_instances,
            },
        },
    }


def collection_json(collection: Collection) -> dict[str, Any]:
    """A collection without its models."""
    return {
        "name": collection.name,
        "slug": collection.slug,
        "description": collection.description,
    }
