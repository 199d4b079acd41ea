"""People, customers and their API keys."""

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Lower, Now

from purveyor.money.models import Wallet


class UserManager(BaseUserManager["User"]):
    """Finds people by e-mail address whatever its case."""

    def get_by_natural_key(self, email: str | None) -> "User":
        """The person who signs in with this e-mail address."""
        return self.get(email=(email or "").strip().lower())

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Django's own entry for a first owner."""
        user = self.model(email=email.strip().lower(), is_staff=True, is_superuser=True, **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user


class User(AbstractBaseUser, PermissionsMixin):
    """A person who signs in with an e-mail address: staff, a customer, or both."""

    email = models.EmailField(max_length=254, unique=True)
    name = models.CharField(max_length=150, blank=True)
    is_staff = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(db_default=Now())

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="email_is_kept_in_lower_case", condition=models.Q(email=Lower("email"))
            )
        ]

    def __str__(self) -> str:
        return self.email


class CustomerGroup(models.Model):
    """Customers who share a discount on every service."""

    name = models.CharField(max_length=100, unique=True)
    discount_percent = models.DecimalField(max_digits=5, decimal_places=2, default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="group_discount_between_0_and_100",
                condition=models.Q(discount_percent__gte=0, discount_percent__lte=100),
            )
        ]

    def __str__(self) -> str:
        return self.name


class CustomerStatus(models.TextChoices):
    """Whether a customer may use the panel."""

    ACTIVE = "active", "Active"
    SUSPENDED = "suspended", "Suspended"


class Customer(models.Model):
    """Someone who buys, with a prepaid balance."""

    id = models.BigAutoField(primary_key=True)
    user = models.OneToOneField(User, on_delete=models.PROTECT)
    wallet = models.OneToOneField(Wallet, on_delete=models.PROTECT)
    group = models.ForeignKey(CustomerGroup, null=True, blank=True, on_delete=models.PROTECT)
    status = models.CharField(max_length=10, choices=CustomerStatus.choices, default=CustomerStatus.ACTIVE)
    created_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return self.user.email


class HashedKey(models.Model):
    """A key of which only the SHA-256 is kept; its text is shown once."""

    id = models.BigAutoField(primary_key=True)
    name = models.CharField(max_length=100, blank=True)
    prefix = models.CharField(max_length=8, db_index=True, help_text="Lets its owner recognise the key.")
    digest = models.BinaryField(max_length=32, unique=True)
    created_at = models.DateTimeField(db_default=Now())
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.prefix}…"


class ApiKey(HashedKey):
    """A key of a customer for API v2."""

    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="api_keys")


class StaffKey(HashedKey):
    """A key for the panel's own people and their tools, good for what its scopes name and nothing else."""

    scopes = ArrayField(models.CharField(max_length=40), help_text="Such as desk:3, or posts.")


class AccountsVersion(models.Model):
    """One row whose number grows when a key, a customer's status or group changes, so that caches let go."""

    version = models.BigIntegerField(default=1)

    def __str__(self) -> str:
        return str(self.version)
