"""Administration of the policy for faces. Templates and consents have pages of their own; nobody edits them by hand."""

from django.contrib import admin
from django.http import HttpRequest

from cloud_bridge.enrolment.models import FacePolicy


@admin.register(FacePolicy)
class FacePolicyAdmin(admin.ModelAdmin):
    """One policy."""

    list_display = ("__str__", "operator", "contact", "unused_days", "keep_stills")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """While there is none."""
        return super().has_add_permission(request) and not FacePolicy.objects.exists()

    def has_delete_permission(self, request: HttpRequest, obj: FacePolicy | None = None) -> bool:
        """It is changed, not deleted."""
        del request, obj
        return False
